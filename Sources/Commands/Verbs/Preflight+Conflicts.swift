import Kubernetes
import ViridianConfiguration
import Workloads

extension Preflight {
    /// What in the pod template cannot be there twice, which it is in every release. Rights are asked for elsewhere.
    func conflicts(_ app: AppConfiguration, _ client: KubernetesClient) async -> [Finding] {
        let found = (try? await AppCluster(client: client, app: app).colorConflicts()) ?? []
        return found.map { conflict in
            Finding(
                state: conflict.isCertain ? .bad : .warning, app: app.name.text, what: conflict.sentence,
                mend: conflict.fix)
        }
    }
}
