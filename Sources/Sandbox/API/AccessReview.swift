import HTTPTypes
import Kubernetes

/// `authorization.k8s.io`: every authenticated client may do everything that ``Faults`` does not deny.
enum AccessReview {
    static func answer(_ review: JSON, _ faults: Faults) throws -> JSON {
        var answer = review
        switch review["kind"]?.string {
        case "SelfSubjectAccessReview":
            let wanted = review[at: "spec.resourceAttributes"] ?? [:]
            let isDenied = RequestInfo(asking: wanted).map(faults.isDenied) ?? false
            answer["status"] = isDenied ? ["allowed": false, "reason": "denied"] : ["allowed": true]
        case "SelfSubjectRulesReview":
            answer["status"] = [
                "incomplete": false, "nonResourceRules": [["verbs": ["*"], "nonResourceURLs": ["*"]]],
                "resourceRules": rules(in: review[at: "spec.namespace"]?.string ?? "", faults),
            ]
        default: throw StatusError.noSuchPath
        }
        return answer
    }

    /// What is allowed in a namespace, as a list of RBAC rules.
    private static func rules(in namespace: String, _ faults: Faults) -> JSON {
        guard faults.hasDenials else { return [["verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]]] }
        var rules: [JSON] = []
        for type in ResourceType.all where type.isNamespaced {
            for resource in [type.plural] + subresources.map({ "\(type.plural)/\($0)" }) {
                let allowed = verbs.filter { verb in
                    let asked: JSON = [
                        "namespace": .string(namespace), "verb": .string(verb), "group": .string(type.group),
                        "resource": .string(resource),
                    ]
                    return RequestInfo(asking: asked).map { !faults.isDenied($0) } ?? true
                }
                guard !allowed.isEmpty else { continue }
                rules.append([
                    "verbs": .array(allowed.map(JSON.string)), "apiGroups": [.string(type.group)],
                    "resources": [.string(resource)],
                ])
            }
        }
        return .array(rules)
    }

    private static let verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
    private static let subresources = ["status", "scale", "log"]
}

extension RequestInfo {
    /// The request that an access review describes.
    fileprivate init?(asking attributes: JSON) {
        let group = attributes["group"]?.string ?? ""
        let parts = (attributes["resource"]?.string ?? "").split(separator: "/").map(String.init)
        guard let plural = parts.first,
            let type = ResourceType.all.first(where: { $0.plural == plural && $0.group == group })
        else { return nil }
        let verb = attributes["verb"]?.string ?? ""
        path = ""
        query = verb == "watch" ? ["watch": "true"] : [:]
        var target = ResourceTarget(type: type)
        target.namespace = attributes["namespace"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        let isNamed = ["get", "update", "patch", "delete"].contains(verb)
        target.name = attributes["name"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? (isNamed ? "*" : nil)
        if verb == "list" || verb == "watch" || verb == "create" || verb == "deletecollection" { target.name = nil }
        target.subresource =
            attributes["subresource"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? (parts.count > 1 ? parts[1] : nil)
        resource = target
        method =
            switch verb {
            case "create": .post
            case "update": .put
            case "patch": .patch
            case "delete", "deletecollection": .delete
            default: .get
            }
    }
}

extension ResourceTarget {
    fileprivate init(type: ResourceType) {
        self.type = type
    }
}
