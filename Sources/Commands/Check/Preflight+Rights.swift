import Kubernetes
import Scaffold
import ViridianConfiguration

/// Checks with the API server whether the account has the rights that `render rbac` writes.
extension Preflight {
    /// The rights in the app's namespace. Throws the API server's error when it cannot check them.
    func rights(of app: AppConfiguration, _ client: KubernetesClient) async throws -> [Finding] {
        let name = app.name.text
        let fix = "add them to the account's role (viridian render rbac \(name))"
        var needed: [String] = []
        var findings: [Finding] = []
        for (rule, verbs) in try await missing(AccessRule.rules(of: app), namespace: app.namespace, client) {
            let missing = verbs.map { "\($0) \(rule.qualifiedName)" }
            if rule.isOptional {
                findings.append(
                    Finding(
                        state: .warning, app: name,
                        what:
                            "rights are missing in namespace \(app.namespace) for \(rule.purpose); releases run without "
                            + "them: \(missing.joined(separator: ", "))",
                        fix: fix))
            } else {
                needed += missing
            }
        }
        let main =
            needed.isEmpty
            ? Finding(state: .ok, app: name, what: "the account has all rights it needs in namespace \(app.namespace)")
            : Finding(
                state: .bad, app: name,
                what: "rights are missing in namespace \(app.namespace): \(needed.joined(separator: ", "))", fix: fix)
        return [main] + findings
    }

    /// The right to list the cluster's nodes; `nil` where the inventory is another one.
    func inventoryRight(
        _ cluster: ClusterConfiguration, _ client: KubernetesClient, _ outage: KubernetesError?
    ) async -> Finding? {
        guard let rule = AccessRule.inventory(installation.configuration.narrowed(to: cluster)) else { return nil }
        do {
            if let outage { throw outage }
            guard try await missing([rule], namespace: nil, client).isEmpty else {
                return Finding(
                    state: .bad, what: "the account may not list nodes, but nodes.inventory is kubernetes",
                    fix: "bind the account to a ClusterRole that allows it (viridian render rbac)")
            }
            return Finding(state: .ok, what: "the account may list nodes, as nodes.inventory requires")
        } catch {
            return Finding(
                state: .bad, what: "the right to list nodes cannot be checked: \(error)",
                fix: "as for the cluster's API above; then viridian check again")
        }
    }

    /// The rules with verbs that are not allowed, and these verbs.
    private func missing(
        _ rules: [AccessRule], namespace: String?, _ client: KubernetesClient
    ) async throws -> [(AccessRule, [String])] {
        // One call says what is allowed. What it does not name is asked for by itself: each verb is a call of its own.
        var known: AccountRules?
        if let namespace { known = try await client.accountRules(in: namespace) }
        let listed = known
        return try await withThrowingTaskGroup(of: (Int, [String]).self) { group in
            for (index, rule) in rules.enumerated() {
                group.addTask {
                    let resource = Resource(group: rule.group, plural: rule.resource, kind: "")
                    var denied: [String] = []
                    for verb in rule.verbs where listed?.allow(verb, resource, subresource: rule.subresource) != true {
                        let isAllowed = try await client.isAllowed(
                            verb, resource, namespace: namespace, subresource: rule.subresource)
                        if !isAllowed { denied.append(verb) }
                    }
                    return (index, denied)
                }
            }
            return try await group.reduce(into: [(Int, [String])]()) { $0.append($1) }
                .filter { !$0.1.isEmpty }.sorted { $0.0 < $1.0 }.map { (rules[$0.0], $0.1) }
        }
    }
}
