import Kubernetes
import Scaffold
import ViridianConfiguration

/// What the account may do, asked of the API server: what `render rbac` writes.
extension Preflight {
    /// In the app's namespace. Throws what the API answers to the question itself.
    func rights(of app: AppConfiguration, _ client: KubernetesClient) async throws -> [Finding] {
        let name = app.name.text
        let mend = "add them to the account's role (viridian render rbac \(name))"
        var needed: [String] = []
        var findings: [Finding] = []
        for (rule, verbs) in try await missing(AccessRule.rules(of: app), namespace: app.namespace, client) {
            let words = verbs.map { "\($0) \(rule.qualifiedName)" }
            if rule.isOptional {
                findings.append(
                    Finding(
                        state: .warning, app: name,
                        what: "rights are missing in namespace \(app.namespace) for \(rule.purpose), which releases go "
                            + "without: \(words.joined(separator: ", "))",
                        mend: mend))
            } else {
                needed += words
            }
        }
        let main =
            needed.isEmpty
            ? Finding(state: .ok, app: name, what: "rights in namespace \(app.namespace)")
            : Finding(
                state: .bad, app: name,
                what: "rights are missing in namespace \(app.namespace): \(needed.joined(separator: ", "))", mend: mend)
        return [main] + findings
    }

    /// In the cluster, where the nodes come from it.
    func inventoryRight(_ client: KubernetesClient) async -> Finding? {
        guard let rule = AccessRule.inventory(installation.configuration) else { return nil }
        do {
            guard try await missing([rule], namespace: nil, client).isEmpty else {
                return Finding(
                    state: .bad, what: "the account may not list nodes, and the cluster's nodes are the inventory",
                    mend: "bind it to a ClusterRole that may (viridian render rbac)")
            }
            return Finding(state: .ok, what: "the account may list nodes, which are the inventory")
        } catch {
            return Finding(state: .bad, what: "whether the account may list nodes cannot be asked: \(error)")
        }
    }

    /// The rules of which some verbs are not allowed, and those verbs.
    private func missing(
        _ rules: [AccessRule], namespace: String?, _ client: KubernetesClient
    ) async throws -> [(AccessRule, [String])] {
        // A question is a call, and there are many.
        try await withThrowingTaskGroup(of: (Int, [String]).self) { group in
            for (index, rule) in rules.enumerated() {
                group.addTask {
                    let resource = Resource(group: rule.group, plural: rule.resource, kind: "")
                    var denied: [String] = []
                    for verb in rule.verbs
                    where try await !client.mayI(
                        verb, resource, namespace: namespace, subresource: rule.subresource)
                    {
                        denied.append(verb)
                    }
                    return (index, denied)
                }
            }
            return try await group.reduce(into: [(Int, [String])]()) { $0.append($1) }
                .filter { !$0.1.isEmpty }.sorted { $0.0 < $1.0 }.map { (rules[$0.0], $0.1) }
        }
    }
}
