import Kubernetes

/// The discovery documents: versions, groups and resources (`k8s.io/apimachinery/pkg/apis/meta/v1`).
enum Discovery {
    /// The document at a path, or `nil` when there is none.
    static func document(_ path: String) -> JSON? {
        let path = path.hasSuffix("/") ? String(path.dropLast()) : path
        switch path {
        case "/version":
            return [
                "major": "1", "minor": "28", "gitVersion": .string(ServerVersion.text), "gitTreeState": "clean",
                "gitCommit": "", "buildDate": "2024-10-22T20:35:31Z", "goVersion": "", "compiler": "viridian",
                "platform": "linux/amd64",
            ]
        case "/api":
            return [
                "kind": "APIVersions", "versions": ["v1"],
                "serverAddressByClientCIDRs": [["clientCIDR": "0.0.0.0/0", "serverAddress": ""]],
            ]
        case "/apis":
            return ["kind": "APIGroupList", "apiVersion": "v1", "groups": .array(groups.map(group))]
        case "/openapi/v3": return OpenAPISchema.index(groupVersions)
        default: break
        }
        if path.hasPrefix("/openapi/v3/") { return OpenAPISchema.document(String(path.dropFirst(12))) }
        if path == "/api/v1" { return resources(group: "") }
        if path.hasPrefix("/apis/") {
            let parts = path.dropFirst(6).split(separator: "/").map(String.init)
            guard let name = parts.first, groups.contains(name) else { return nil }
            if parts.count == 1 { return group(name) }
            // In a conditional expression of type JSON, `nil` would be a JSON null.
            if parts.count == 2, parts[1] == version(of: name) { return resources(group: name) }
            return nil
        }
        return nil
    }

    /// The group of access reviews, which are not stored.
    private static let reviews = "authorization.k8s.io"

    private static let groups = Set(ResourceType.all.map(\.group) + [reviews]).subtracting([""]).sorted()

    private static let groupVersions = ["api/v1"] + groups.map { "apis/\($0)/\(version(of: $0))" }

    /// The version of a group that is served.
    private static func version(of group: String) -> String {
        ResourceType.all.first { $0.group == group }?.version ?? "v1"
    }

    private static func group(_ name: String) -> JSON {
        let version: JSON = [
            "groupVersion": .string("\(name)/\(version(of: name))"), "version": .string(version(of: name)),
        ]
        return [
            "kind": "APIGroup", "apiVersion": "v1", "name": .string(name), "versions": [version],
            "preferredVersion": version,
        ]
    }

    private static func resources(group: String) -> JSON {
        var list = ResourceType.all.filter { $0.group == group }.flatMap(entries)
        if group == reviews {
            list = ["SelfSubjectAccessReview", "SelfSubjectRulesReview"].map {
                [
                    "name": .string($0.lowercased() + "s"), "singularName": .string($0.lowercased()),
                    "namespaced": false, "kind": .string($0), "verbs": ["create"],
                ]
            }
        }
        return [
            "kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": .string(group.isEmpty ? "v1" : "\(group)/\(version(of: group))"), "resources": .array(list),
        ]
    }

    private static func entries(_ type: ResourceType) -> [JSON] {
        var entry: JSON = [
            "name": .string(type.plural), "singularName": .string(type.singular), "kind": .string(type.kind),
            "namespaced": .bool(type.isNamespaced),
            "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        ]
        if !type.shortNames.isEmpty { entry["shortNames"] = .array(type.shortNames.map { .string($0) }) }
        if !type.categories.isEmpty { entry["categories"] = .array(type.categories.map { .string($0) }) }
        var list = [entry]
        func sub(_ name: String, _ kind: String, _ verbs: [JSON]) -> JSON {
            [
                "name": .string("\(type.plural)/\(name)"), "singularName": "", "kind": .string(kind),
                "namespaced": .bool(type.isNamespaced), "verbs": .array(verbs),
            ]
        }
        if type.hasStatus { list.append(sub("status", type.kind, ["get", "patch", "update"])) }
        if type.hasScale {
            var scale = sub("scale", "Scale", ["get", "patch", "update"])
            scale["group"] = "autoscaling"
            scale["version"] = "v1"
            list.append(scale)
        }
        if type == .pods { list.append(sub("log", "Pod", ["get"])) }
        return list
    }
}
