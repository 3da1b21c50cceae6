import Kubernetes
import ViridianConfiguration
import Workloads

extension Preflight {
    /// Whether the pod template can be read, and what in it cannot be there twice, as it is in every release. Rights are asked for
    /// elsewhere.
    func conflicts(_ app: AppConfiguration, _ client: KubernetesClient) async -> [Finding] {
        let cluster = AppCluster(client: client, app: app)
        if let trouble = cluster.templateTrouble {
            return [
                Finding(
                    state: .bad, app: app.name.text, what: "no candidate can be made: \(trouble)",
                    mend: "correct the pod template, as kubectl would have it")
            ]
        }
        let found = (try? await cluster.colorConflicts()) ?? []
        return found.map { conflict in
            Finding(
                state: conflict.isCertain ? .bad : .warning, app: app.name.text, what: conflict.sentence,
                mend: conflict.fix)
        }
    }
}
