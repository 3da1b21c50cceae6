import Controller
import Kubernetes
import ViridianConfiguration

extension AppCluster {
    /// Does what `body` asks of the API, and turns a missing right into a refusal that says which rule to add.
    ///
    /// An API server that has just started denies everything until it has read the roles: that is told from a missing right, and
    /// `body`, which has to bear being done twice, is done once more before the denial is believed.
    func clearly<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as KubernetesError where error.isDenied {
            guard await client.isReady() else { throw error }
        }
        do {
            return try await body()
        } catch let error as KubernetesError where error.isDenied {
            throw missingRight(error)
        }
    }

    func missingRight(_ error: KubernetesError) -> Refusal {
        Refusal("\(error)", details: ["every right that a release needs: viridian render rbac \(app.name)"])
    }
}
