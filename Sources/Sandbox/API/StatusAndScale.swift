import HTTPTypes
import Hummingbird
import Kubernetes

/// The subresources `status` and `scale`.
extension APIServer {
    func answerStatus(_ request: Request, _ info: RequestInfo, _ target: ResourceTarget) async throws -> Response {
        switch info.method {
        case .get:
            return .json(try await store.perform { try $0.get(target.type, target.key) })
        case .put, .patch:
            let change = try await change(request, info)
            return .json(
                try await store.perform {
                    try $0.update(target.type, target.key, .status, dryRun: info.isDryRun, change: change)
                })
        default: throw StatusError.methodNotAllowed()
        }
    }

    func answerScale(_ request: Request, _ info: RequestInfo, _ target: ResourceTarget) async throws -> Response {
        switch info.method {
        case .get:
            return .json(Self.scale(try await store.perform { try $0.get(target.type, target.key) }, target.type))
        case .put, .patch:
            let change = try await change(request, info)
            let changed = try await store.perform { objects in
                try objects.update(target.type, target.key, dryRun: info.isDryRun) { object in
                    let scale = try change(Self.scale(object, target.type))
                    let replicas = scale[at: "spec.replicas"]?.integer ?? 0
                    guard replicas >= 0 else {
                        let problem = FieldProblem.invalid(
                            "spec.replicas", String(replicas), "must be greater than or equal to 0")
                        throw StatusError.invalid(target.type, target.key.name, [problem])
                    }
                    var object = object
                    if let version = scale["metadata"]?["resourceVersion"] {
                        object[at: "metadata.resourceVersion"] = version
                    }
                    object[at: "spec.replicas"] = .int(replicas)
                    return object
                }
            }
            return .json(Self.scale(changed, target.type))
        default: throw StatusError.methodNotAllowed()
        }
    }

    /// The change of a PUT or PATCH to the current value.
    private func change(_ request: Request, _ info: RequestInfo) async throws -> @Sendable (JSON) throws -> JSON {
        let contentType = (request.headers[.contentType] ?? "").split(separator: ";").first.map(String.init) ?? ""
        let body = try await body(request)
        if info.method == .put { return { _ in body } }
        return try Self.merge(contentType, body)
    }

    private static func scale(_ object: JSON, _ type: ResourceType) -> JSON {
        let selector = object[at: "spec.selector"] ?? [:]
        let labels = (type == .replicationControllers ? selector : selector["matchLabels"] ?? [:]).object ?? [:]
        let text = labels.compactMap { key, value in value.string.map { "\(key)=\($0)" } }.sorted().joined(
            separator: ",")
        var metadata: JSON = [:]
        for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
            metadata[key] = object["metadata"]?[key]
        }
        return [
            "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
            "spec": ["replicas": object[at: "spec.replicas"] ?? 0],
            "status": ["replicas": object[at: "status.replicas"] ?? 0, "selector": .string(text)],
        ]
    }
}
