/// What the account may do in a namespace, as far as the API server can list it (SelfSubjectRulesReview).
package struct AccountRules: Sendable, Hashable {
    private struct Rule: Sendable, Hashable {
        var verbs: Set<String>
        var groups: Set<String>
        /// `pods`, `pods/log`, `*`, `*/scale`.
        var resources: Set<String>
    }

    private var rules: [Rule]

    /// `nil` where the review is not complete: an authorizer of the API server cannot list what it allows or denies, and every right has to
    /// be asked for by itself (`isAllowed`).
    init?(_ review: JSON) {
        guard let status = review["status"], status["incomplete"]?.bool != true,
            let rules = status["resourceRules"]?.array
        else { return nil }
        self.rules = rules.compactMap { rule in
            // A rule for some names only does not allow the rest.
            guard rule["resourceNames"]?.array?.isEmpty != false else { return nil }
            func texts(_ key: String) -> Set<String> { Set((rule[key]?.array ?? []).compactMap(\.string)) }
            return Rule(verbs: texts("verbs"), groups: texts("apiGroups"), resources: texts("resources"))
        }
    }

    /// Whether a rule allows it, as RBAC matches rules (`pkg/apis/rbac/v1/evaluation_helpers.go` of Kubernetes).
    package func allow(_ verb: String, _ resource: Resource, subresource: String? = nil) -> Bool {
        var names: Set = ["*", subresource.map { "\(resource.plural)/\($0)" } ?? resource.plural]
        if let subresource { names.insert("*/\(subresource)") }
        return rules.contains { rule in
            !rule.verbs.isDisjoint(with: [verb, "*"]) && !rule.groups.isDisjoint(with: [resource.group, "*"])
                && !rule.resources.isDisjoint(with: names)
        }
    }
}

extension KubernetesClient {
    /// The account's rights in a namespace, in one call; `nil` where the API server cannot list all of them.
    package func accountRules(in namespace: String) async throws -> AccountRules? {
        do {
            return AccountRules(
                try await create(.selfSubjectRulesReviews, ["spec": ["namespace": .string(namespace)]]))
        } catch let error as KubernetesError where error.isForbidden || error.isNotFound {
            return nil
        }
    }
}
