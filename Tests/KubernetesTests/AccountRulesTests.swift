import Foundation
import HTTPTransport
import TestSupport
import Testing

@testable import Kubernetes

/// The rights of the account, and reads that are remembered.
@Suite struct AccountRulesTests {
    private func rules(_ rules: String, incomplete: Bool = false) throws -> AccountRules? {
        AccountRules(try JSON(parsing: #"{"status": {"incomplete": \#(incomplete), "resourceRules": \#(rules)}}"#))
    }

    @Test("rules allow what RBAC allows by them: groups, subresources and wildcards are matched as the API server does")
    func matching() throws {
        let rules = try #require(
            try rules(
                """
                [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "pods/log"]},
                 {"verbs": ["*"], "apiGroups": ["apps"], "resources": ["deployments", "*/scale"]},
                 {"verbs": ["get"], "apiGroups": ["*"], "resources": ["leases"]},
                 {"verbs": ["update"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one"]}]
                """))
        #expect(rules.allow("get", .pods) && rules.allow("get", .pods, subresource: "log"))
        #expect(!rules.allow("delete", .pods) && !rules.allow("get", .pods, subresource: "status"))
        #expect(!rules.allow("get", .services))
        #expect(rules.allow("patch", .deployments) && rules.allow("patch", .deployments, subresource: "scale"))
        #expect(rules.allow("get", .replicaSets, subresource: "scale") && !rules.allow("get", .replicaSets))
        #expect(!rules.allow("get", .replicationControllers, subresource: "scale"))
        #expect(rules.allow("get", .leases))
        // Of one object only.
        #expect(!rules.allow("update", .secrets))
        let everything = try #require(
            try self.rules(#"[{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]"#))
        #expect(everything.allow("delete", .pods, subresource: "log"))
    }

    @Test("a list that is not complete, or that is none, says nothing")
    func incomplete() throws {
        let everything = #"[{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]"#
        #expect(try rules(everything, incomplete: true) == nil)
        #expect(AccountRules(["status": [:]]) == nil && AccountRules([]) == nil)
    }

    @Test(
        "an account that may not ask for its rules has none that are known; other errors are told",
        arguments: [403, 404, 401])
    func refused(status: Int) async throws {
        try await withClient({ _, _ in .status(status, "No", "no") }) { client, _ in
            if status == 401 {
                await #expect(throws: KubernetesError.self) { try await client.accountRules(in: "blog") }
            } else {
                let rules = try await client.accountRules(in: "blog")
                #expect(rules == nil)
            }
        }
    }

    @Test(
        "a client that remembers reads each object and each list once, also one that is not there; refusals are asked again"
    )
    func remembering() async throws {
        try await withClient({ request, _ in
            switch request.path.split(separator: "/").last {
            case "missing": .status(404, "NotFound", "not there")
            case "denied": .status(403, "Forbidden", "no")
            case "pods": .json(["kind": "PodList", "items": []])
            default: .json(["kind": "Pod", "metadata": ["name": "a"]])
            }
        }) { client, server in
            let remembering = client.remembering()
            for _ in 0..<2 {
                _ = try await remembering.get(.pods, "a", namespace: "blog")
                _ = try await remembering.get(.pods, "a", namespace: "shop")
                _ = try await remembering.list(.pods, namespace: "blog", labels: "name=a")
                _ = try await remembering.list(.pods, namespace: "blog", labels: "name=b")
                let missing = try await kubernetesError {
                    _ = try await remembering.get(.pods, "missing", namespace: "blog")
                }
                #expect(missing.isNotFound)
                _ = try await kubernetesError { _ = try await remembering.get(.pods, "denied", namespace: "blog") }
            }
            #expect(await server.requests.all.count == 7)
            // Another look sees what is so then.
            _ = try await client.get(.pods, "a", namespace: "blog")
            _ = try await client.remembering().get(.pods, "a", namespace: "blog")
            #expect(await server.requests.all.count == 9)
        }
    }
}
