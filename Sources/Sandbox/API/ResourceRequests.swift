import Foundation
import HTTPTypes
import Hummingbird
import Kubernetes

/// Requests for stored objects.
extension APIServer {
    func answer(
        _ request: Request, _ info: RequestInfo, _ context: APIContext, _ target: ResourceTarget
    ) async throws -> Response {
        switch target.subresource {
        case nil: try await answerObject(request, info, context, target)
        case "status" where target.type.hasStatus: try await answerStatus(request, info, target)
        case "scale" where target.type.hasScale: try await answerScale(request, info, target)
        case "log" where target.type == .pods && info.method == .get: try await answerLog(request, info, target)
        default: throw StatusError.noSuchPath
        }
    }

    private func answerObject(
        _ request: Request, _ info: RequestInfo, _ context: APIContext, _ target: ResourceTarget
    ) async throws -> Response {
        let view = ObjectView(request, info, target.type)
        switch (info.method, target.name) {
        case (.get, _) where info.flag("watch"):
            return try await watch(request, info, context, target, view)
        case (.get, .some):
            return .json(view.object(try await store.perform { try $0.get(target.type, target.key) }))
        case (.get, nil):
            return .json(try await list(info, target, view))
        case (.post, nil):
            return .json(view.object(try await create(try await body(request), info, target)), status: .created)
        case (.put, .some):
            let object = try checked(try await body(request), target)
            if target.type == .leases, object.meta.resourceVersion.isEmpty {
                let problem = FieldProblem.invalid(
                    "metadata.resourceVersion", "0x0", "must be specified for an update")
                throw StatusError.invalid(target.type, target.key.name, [problem])
            }
            return .json(view.object(try await change(target, info) { _ in object }))
        case (.patch, .some):
            return try await patch(request, info, target, view)
        case (.delete, .some):
            let options = try DeleteOptions(info, try await body(request))
            let (object, isGone) = try await store.perform { try $0.delete(target.type, target.key, options) }
            return .json(isGone && target.type != .pods ? deletedStatus(target.type, object) : view.object(object))
        case (.delete, nil):
            return .json(try await deleteAll(info, target, try DeleteOptions(info, try await body(request))))
        default:
            throw StatusError.methodNotAllowed()
        }
    }

    private func list(_ info: RequestInfo, _ target: ResourceTarget, _ view: ObjectView) async throws -> JSON {
        let filter = try info.filter()
        let (objects, revision) = await store.perform { ($0.list(target.type, filter), $0.revision) }
        if let wanted = info.number("resourceVersion"), wanted > revision {
            throw StatusError(
                code: 504, reason: "Timeout", message: "Too large resource version: \(wanted), current: \(revision)",
                details: ["causes": [["reason": "ResourceVersionTooLarge", "message": "Too large resource version"]]])
        }
        return view.list(objects, revision: revision)
    }

    /// The object of a request, which must match the path.
    private func checked(_ object: JSON, _ target: ResourceTarget) throws -> JSON {
        var object = object
        guard object.object != nil else { throw StatusError.badRequest("the body of the request must be an object") }
        if let kind = object["kind"]?.string, kind != target.type.kind {
            throw StatusError.badRequest(
                "\(kind) in version \"\(object["apiVersion"]?.string ?? "")\" cannot be handled as a \(target.type.kind)"
            )
        }
        if let namespace = target.namespace {
            let given = object.meta.namespace
            guard given.isEmpty || given == namespace else {
                throw StatusError.badRequest(
                    "the namespace of the provided object does not match the namespace sent on the request")
            }
            object[at: "metadata.namespace"] = .string(namespace)
        }
        return object
    }

    private func create(_ body: JSON, _ info: RequestInfo, _ target: ResourceTarget) async throws -> JSON {
        let object = try checked(body, target)
        guard target.type == .services else {
            return try await store.perform { try $0.create(target.type, object, dryRun: info.isDryRun) }
        }
        return try await withNodePorts(object, dryRun: info.isDryRun) { object, dryRun in
            try await store.perform { try $0.create(.services, object ?? body, dryRun: dryRun) }
        }
    }

    private func change(
        _ target: ResourceTarget, _ info: RequestInfo, _ change: @escaping @Sendable (JSON) throws -> JSON
    ) async throws -> JSON {
        guard target.type == .services else {
            return try await store.perform {
                try $0.update(target.type, target.key, dryRun: info.isDryRun, change: change)
            }
        }
        return try await withNodePorts(nil, dryRun: info.isDryRun) { object, dryRun in
            try await store.perform {
                try $0.update(.services, target.key, dryRun: dryRun) { try object ?? change($0) }
            }
        }
    }

    private func patch(
        _ request: Request, _ info: RequestInfo, _ target: ResourceTarget, _ view: ObjectView
    ) async throws -> Response {
        let contentType = (request.headers[.contentType] ?? "").split(separator: ";").first.map(String.init) ?? ""
        let patch = try await body(request)
        if contentType == "application/apply-patch+yaml" {
            let (object, isNew) = try await apply(patch, info, target)
            return .json(view.object(object), status: isNew ? .created : .ok)
        }
        let merge = try Self.merge(contentType, patch)
        return .json(view.object(try await change(target, info, merge)))
    }

    static func merge(_ contentType: String, _ patch: JSON) throws -> @Sendable (JSON) throws -> JSON {
        switch contentType {
        case "application/merge-patch+json": { $0.merging(patch) }
        case "application/strategic-merge-patch+json": { StrategicMerge.apply(patch, to: $0) }
        case "application/json-patch+json": { try JSONPatch.apply(patch, to: $0) }
        default: throw StatusError.unsupportedMediaType(contentType)
        }
    }

    private func apply(_ patch: JSON, _ info: RequestInfo, _ target: ResourceTarget) async throws -> (JSON, Bool) {
        guard let manager = info.query["fieldManager"], !manager.isEmpty else {
            throw StatusError.badRequest(
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch")
        }
        var wanted = try checked(patch, target)
        wanted[at: "metadata.managedFields"] = nil
        let configuration = wanted
        let object: JSON
        let isNew = await store.find(target.type, target.key) == nil
        if isNew {
            object = try await create(configuration, info, target)
        } else {
            let before = await store.perform { objects in
                objects.find(target.type, target.key).flatMap { objects.applied[$0.meta.uid]?[manager] }
            }
            object = try await change(target, info) {
                ServerSideApply.apply(configuration, previous: before, to: $0)
            }
        }
        if !info.isDryRun {
            await store.perform { $0.applied[object.meta.uid, default: [:]][manager] = configuration }
        }
        return (object, isNew)
    }

    private func deleteAll(_ info: RequestInfo, _ target: ResourceTarget, _ options: DeleteOptions) async throws -> JSON
    {
        let filter = try info.filter()
        return await store.perform { objects in
            let found = objects.list(target.type, filter)
            for object in found { _ = try? objects.delete(target.type, object.meta.key, options) }
            return [
                "kind": .string(target.type.kind + "List"), "apiVersion": .string(target.type.groupVersion),
                "metadata": ["resourceVersion": .string(String(objects.revision))], "items": .array(found),
            ]
        }
    }

    private func deletedStatus(_ type: ResourceType, _ object: JSON) -> JSON {
        var details: JSON = [
            "name": .string(object.meta.name), "kind": .string(type.plural), "uid": .string(object.meta.uid),
        ]
        if !type.group.isEmpty { details["group"] = .string(type.group) }
        return ["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "details": details]
    }
}

extension DeleteOptions {
    /// From the query and the body. The body takes precedence.
    init(_ info: RequestInfo, _ body: JSON) throws {
        gracePeriod = body["gracePeriodSeconds"]?.integer ?? info.number("gracePeriodSeconds")
        if let gracePeriod, !Validation.int32.contains(gracePeriod) {
            throw StatusError(
                code: 422, reason: "Invalid",
                message: "DeleteOptions.meta.k8s.io \"\" is invalid: "
                    + FieldProblem.outOfRange("gracePeriodSeconds", gracePeriod, Validation.int32).description)
        }
        if let text = body["propagationPolicy"]?.string ?? info.query["propagationPolicy"] {
            guard let known = Propagation(rawValue: text) else {
                throw StatusError.badRequest(
                    "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"\(text)\": "
                        + "supported values: \"Foreground\", \"Background\", \"Orphan\"")
            }
            propagation = known
        } else if let orphans = body["orphanDependents"]?.bool {
            propagation = orphans ? .orphan : .background
        }
        uid = body[at: "preconditions.uid"]?.string
        resourceVersion = body[at: "preconditions.resourceVersion"]?.string
        dryRun = info.isDryRun || body["dryRun"]?.array?.contains("All") == true
    }
}
