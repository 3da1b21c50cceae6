import Controller
import Kubernetes
import ViridianConfiguration

extension AppCluster {
    /// Runs `body` and throws a missing right as a `Refusal` that says how to grant it.
    ///
    /// An API server that has just started denies everything until it has read the roles. Therefore `body`, which must be idempotent, is
    /// run a second time before the denial is reported.
    func reportingMissingRights<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as KubernetesError where error.isDenied {
            guard await client.isReady() else { throw error }
        }
        do {
            return try await body()
        } catch let error as KubernetesError where error.isDenied {
            throw missingRightRefusal(error)
        }
    }

    func missingRightRefusal(_ error: KubernetesError) -> Refusal {
        Refusal("\(error)", details: ["every right that a release needs: viridian render rbac \(app.name)"])
    }
}
