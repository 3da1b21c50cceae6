import Kubernetes
import ViridianConfiguration
import Workloads

extension Preflight {
    /// Whether the pod template is valid, and what in it keeps both colours from running side by side. `rights(of:_:)` reports
    /// missing rights.
    func conflicts(_ app: AppConfiguration, _ client: KubernetesClient) async -> [Finding] {
        let cluster = AppCluster(client: client, app: app)
        if let problem = cluster.templateProblem {
            return [
                Finding(
                    state: .bad, app: app.name.text, what: "no candidate can be created: \(problem)",
                    fix: "correct the pod template")
            ]
        }
        let found = (try? await cluster.colorConflicts()) ?? []
        return found.map { conflict in
            Finding(
                state: conflict.isCertain ? .bad : .warning, app: app.name.text, what: conflict.sentence,
                fix: conflict.fix)
        }
    }

    /// Quotas that do not hold both colours. `rights(of:_:)` reports a missing right.
    func quotas(_ app: AppConfiguration, _ client: KubernetesClient) async -> [Finding] {
        let found = (try? await AppCluster(client: client, app: app).quotaShortages()) ?? []
        return found.map { shortage in
            Finding(
                state: .bad, app: app.name.text, what: shortage.sentence,
                fix:
                    "allow at least \(shortage.enough): kubectl -n \(app.namespace) edit resourcequota \(shortage.quota)"
            )
        }
    }
}
