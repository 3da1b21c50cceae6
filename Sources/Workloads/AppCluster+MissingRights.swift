import Controller
import Kubernetes
import ViridianConfiguration

extension AppCluster {
    /// Runs `body` and throws a missing right as a `Refusal` that says how to grant it.
    ///
    /// An API server that has just started denies everything until it has loaded the roles. Therefore `body`, which must be idempotent,
    /// is run again before a denial is reported: once if the server reports that it is ready, for a while if it denies that too. The
    /// denial of a server that is not ready is thrown as it is, to be retried.
    func reportingMissingRights<Value>(_ body: () async throws -> Value) async throws -> Value {
        let start = ContinuousClock.now
        var wasReady = false
        while true {
            do {
                return try await body()
            } catch let error as KubernetesError where error.isDenied {
                switch await client.readiness() {
                case .notReady: throw error
                case .ready where wasReady: throw missingRightRefusal(error)
                case .ready: wasReady = true
                case .denied:
                    guard ContinuousClock.now - start < denialTolerance else { throw missingRightRefusal(error) }
                    try await Task.sleep(for: .milliseconds(250))
                }
            }
        }
    }

    func missingRightRefusal(_ error: KubernetesError) -> Refusal {
        Refusal("\(error)", details: ["every right that a release needs: viridian render rbac \(app.name)"])
    }
}
