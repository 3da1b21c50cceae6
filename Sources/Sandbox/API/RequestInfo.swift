import Foundation
import HTTPTypes
import Hummingbird
import Kubernetes

/// The verb and target of a request, from its method, path and query
/// (`k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`).
struct RequestInfo: Sendable {
    var method: HTTPRequest.Method
    var path: String
    var query: [String: String]
    /// `nil` for paths outside the stored collections.
    var resource: ResourceTarget?

    init(_ request: Request) {
        method = request.method
        path = request.uri.path
        query = Self.parse(query: request.uri.query ?? "")
        resource = ResourceTarget(path: path)
    }

    func flag(_ name: String) -> Bool { ["true", "1"].contains(query[name] ?? "") }

    func number(_ name: String) -> Int? { query[name].flatMap { Int($0) } }

    var isDryRun: Bool { query["dryRun"] == "All" }

    /// The verb, as in RBAC rules and fault matchers.
    var verb: String {
        let isNamed = resource?.name != nil
        switch method {
        case .get: return isNamed ? "get" : flag("watch") ? "watch" : "list"
        case .post: return "create"
        case .put: return "update"
        case .patch: return "patch"
        case .delete: return isNamed ? "delete" : "deletecollection"
        default: return method.rawValue.lowercased()
        }
    }

    func filter() throws -> ObjectFilter {
        guard let resource else { return ObjectFilter() }
        var filter = ObjectFilter(namespace: resource.namespace)
        if let text = query["labelSelector"] { filter.labels = try LabelSelector(parsing: text) }
        if let text = query["fieldSelector"] { filter.fields = try FieldSelector(parsing: text, for: resource.type) }
        if let name = resource.name {
            filter.fields.requirements.append(.init(path: "metadata.name", value: name, negated: false))
        }
        return filter
    }

    private static func parse(query: String) -> [String: String] {
        var result: [String: String] = [:]
        for pair in query.split(separator: "&") {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            func decoded(_ text: Substring) -> String {
                let spaced = String(text.replacing("+", with: " "))
                return spaced.removingPercentEncoding ?? spaced
            }
            result[decoded(halves[0])] = halves.count > 1 ? decoded(halves[1]) : ""
        }
        return result
    }
}

/// A collection, an object or a subresource.
struct ResourceTarget: Sendable {
    var type: ResourceType
    var namespace: String?
    var name: String?
    var subresource: String?

    init?(path: String) {
        var parts = path.split(separator: "/").map { $0.removingPercentEncoding ?? String($0) }
        let group: String
        switch parts.first {
        case "api" where parts.count >= 3:
            group = ""
            parts.removeFirst()
        case "apis" where parts.count >= 4:
            group = parts[1]
            parts.removeFirst(2)
        default: return nil
        }
        let version = parts.removeFirst()
        // `namespaces/blog/pods` is the collection of pods; `namespaces/blog` and its subresources are the namespace.
        if parts.count >= 3, parts[0] == "namespaces", !["status", "finalize"].contains(parts[2]) {
            namespace = parts[1]
            parts.removeFirst(2)
        }
        guard let plural = parts.first, parts.count <= 3,
            let type = ResourceType.named(group: group, version: version, plural: plural)
        else { return nil }
        self.type = type
        name = parts.count > 1 ? parts[1] : nil
        subresource = parts.count > 2 ? parts[2] : nil
        if !type.isNamespaced, namespace != nil { return nil }
    }

    var key: ObjectKey { ObjectKey(namespace: namespace ?? "", name: name ?? "") }
}
