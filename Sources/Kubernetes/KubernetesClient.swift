import Foundation
import HTTPTransport

/// A client of the Kubernetes API. Objects are JSON values, so fields that this program does not know survive.
///
/// A namespace that is left out is the context's for calls about one object, and every namespace for lists and watches.
/// Every call throws `KubernetesError`, `CredentialError` or `CancellationError`.
/// Reads, deletes and unconditional changes are sent again after 429, 500, 502, 503, 504 and lost connections, within the
/// call's deadline; creates and changes bound to a resource version only where the server certainly did not act.
package struct KubernetesClient: Sendable {
    /// For a whole call, its retries included.
    package var deadline: Duration = .seconds(30)
    /// Who changes objects, in their managed fields.
    package var fieldManager = "viridian"

    let session: APISession
    let pause: @Sendable (Duration) async throws -> Void

    /// `pause` is how it waits between attempts.
    package init(
        _ access: ClusterAccess,
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        session = APISession(access, pause: pause)
        self.pause = pause
    }

    package var access: ClusterAccess { session.access }

    /// Ends every connection; calls and watches that are under way fail.
    package func shutdown() async { await session.shutdown() }

    // MARK: - Reading

    /// A namespace with so many objects of a kind is none that anybody releases into.
    private static let mostItems = 100_000

    package func get(_ resource: Resource, _ name: String, namespace: String? = nil) async throws -> JSON {
        try await object(.init("get", resource, name, place(resource, namespace)))
    }

    /// Every object that matches, however many pages that takes, within four times the deadline of a call.
    ///
    /// `labels` and `fields` are selectors, `name=blog-blue`, `involvedObject.name=blog-blue-x`; `pageSize` is how many
    /// objects are asked for at once.
    package func list(
        _ resource: Resource, namespace: String? = nil, labels: String? = nil, fields: String? = nil,
        pageSize: Int = 500
    ) async throws -> ResourceList {
        var items: [JSON] = []
        var token: String?
        var limit: Int? = pageSize
        let end = ContinuousClock.now + deadline * 4
        while true {
            var call = Call("list", resource, nil, namespace)
            call.largestBody = Call.largestList
            call.select(labels: labels, fields: fields)
            if let limit { call.query.append(("limit", String(limit))) }
            if let token { call.query.append(("continue", token)) }
            do {
                let page = try await object(call)
                guard let found = page["items"]?.array ?? (page["items"] == .null ? [] : nil) else {
                    throw unintelligible(call, "a list without items")
                }
                items += found.map { $0.completed(from: page, resource: resource) }
                let next = page["metadata"]?["continue"]?.string.flatMap { $0.isEmpty ? nil : $0 }
                // A page may be empty where a selector hides what is on it, but the pages come to an end.
                guard next == nil || (next != token && items.count <= Self.mostItems && .now < end) else {
                    throw unintelligible(call, "a list without end: \(items.count) objects, and it goes on")
                }
                token = next
                if token == nil {
                    return ResourceList(
                        items: items, resourceVersion: page["metadata"]?["resourceVersion"]?.string ?? "")
                }
            } catch let error as KubernetesError where error.isExpired && token != nil {
                // The pages are of a state that the server has forgotten: all of it again, in one piece.
                items = []
                token = nil
                limit = nil
            }
        }
    }

    /// `GET` of any path of the API, `/version`.
    package func get(path: String) async throws -> JSON {
        var call = Call("get", Resource(plural: path, kind: "", isNamespaced: false), nil, nil)
        call.path = path
        return try await object(call)
    }

    /// Whether the server says that it is ready for work. One that has just started knows no roles yet and denies everything.
    /// A server that does not tell is taken for ready.
    package func isReady() async -> Bool {
        var call = Call("get", Resource(plural: "readyz", kind: "", isNamespaced: false), nil, nil)
        call.path = "/readyz"
        do {
            _ = try await send(call)
            return true
        } catch let error as KubernetesError {
            return error.refusal.map { $0.status < 500 } ?? false
        } catch {
            return false
        }
    }

    // MARK: - Changing

    /// Creates an object; its name, or `generateName`, is in it.
    ///
    /// The answer may be lost although the object was created. Names that the caller chose make that visible: the next
    /// attempt fails with `isAlreadyExists`.
    package func create(
        _ resource: Resource, _ object: JSON, namespace: String? = nil, dryRun: Bool = false
    ) async throws -> JSON {
        let place = place(resource, namespace ?? object["metadata"]?["namespace"]?.string)
        var call = Call("create", resource, object["metadata"]?["name"]?.string, place)
        call.path = resource.path(namespace: place)
        call.body = object.identified(as: resource)
        call.isRepeatable = false
        return try await self.object(call.managed(by: fieldManager, dryRun: dryRun))
    }

    /// Replaces an object with this one. With a `resourceVersion` in it, a change in between is a conflict.
    package func replace(
        _ resource: Resource, _ object: JSON, namespace: String? = nil, dryRun: Bool = false
    ) async throws -> JSON {
        let name = object["metadata"]?["name"]?.string ?? ""
        let place = place(resource, namespace ?? object["metadata"]?["namespace"]?.string)
        var call = Call("update", resource, name, place)
        call.body = object.identified(as: resource)
        call.isRepeatable = object["metadata"]?["resourceVersion"]?.string == nil
        return try await self.object(call.managed(by: fieldManager, dryRun: dryRun))
    }

    package func patch(
        _ resource: Resource, _ name: String, _ patch: Patch, namespace: String? = nil, subresource: String? = nil,
        dryRun: Bool = false
    ) async throws -> JSON {
        var call = Call("patch", resource, name, place(resource, namespace), subresource: subresource)
        call.contentType = patch.contentType
        call.body = patch.body
        call.isRepeatable = patch.isRepeatable
        if case .apply(_, let isForced) = patch, isForced { call.query.append(("force", "true")) }
        return try await object(call.managed(by: fieldManager, dryRun: dryRun))
    }

    /// Deletes an object and returns what the server says of it: the object as it ends, or a status.
    ///
    /// With a `uid` only the object with this identity is deleted, not one of the same name that has come since; with a
    /// `resourceVersion` only if it has not changed since.
    package func delete(
        _ resource: Resource, _ name: String, namespace: String? = nil, propagation: Propagation? = nil,
        uid: String? = nil, resourceVersion: String? = nil, gracePeriodSeconds: Int? = nil, dryRun: Bool = false
    ) async throws -> JSON {
        var options: JSON = ["apiVersion": "v1", "kind": "DeleteOptions"]
        options["propagationPolicy"] = propagation.map { .string($0.rawValue) }
        options["gracePeriodSeconds"] = gracePeriodSeconds.map { .integer(Int64($0)) }
        if let uid { options[at: "preconditions.uid"] = .string(uid) }
        if let resourceVersion { options[at: "preconditions.resourceVersion"] = .string(resourceVersion) }
        if dryRun { options["dryRun"] = ["All"] }
        var call = Call("delete", resource, name, place(resource, namespace))
        call.body = options
        return try await object(call)
    }

    /// The `scale` subresource of a workload: `spec.replicas` is what is wanted, `status.replicas` what there is.
    package func scale(of resource: Resource, _ name: String, namespace: String? = nil) async throws -> JSON {
        try await object(.init("get", resource, name, place(resource, namespace), subresource: "scale"))
    }

    package func setScale(
        of resource: Resource, _ name: String, to replicas: Int, namespace: String? = nil,
        resourceVersion: String? = nil
    ) async throws -> JSON {
        let change: JSON = ["spec": ["replicas": .integer(Int64(replicas))]]
        return try await patch(
            resource, name, .merge(change, resourceVersion: resourceVersion), namespace: namespace,
            subresource: "scale")
    }

    // MARK: - Rights

    /// Whether the account may do that, asked of the API server (SelfSubjectAccessReview).
    package func mayI(_ verb: String, _ resource: Resource, namespace: String?, subresource: String? = nil)
        async throws -> Bool
    {
        var attributes: JSON = [
            "verb": .string(verb), "group": .string(resource.group), "resource": .string(resource.plural),
        ]
        attributes["namespace"] = namespace.map(JSON.string)
        attributes["subresource"] = subresource.map(JSON.string)
        let review = try await create(
            .selfSubjectAccessReviews, ["spec": ["resourceAttributes": attributes]])
        return review["status"]?["allowed"]?.bool ?? false
    }

    func place(_ resource: Resource, _ namespace: String?) -> String? {
        resource.isNamespaced ? namespace ?? access.namespace : nil
    }
}

/// The objects of a list, and the version of the cluster's state that it shows.
package struct ResourceList: Sendable, Hashable {
    package var items: [JSON]
    package var resourceVersion: String

    package init(items: [JSON], resourceVersion: String) {
        self.items = items
        self.resourceVersion = resourceVersion
    }
}

/// What happens to the objects that the deleted one owns.
package enum Propagation: String, Sendable {
    /// They go before it does.
    case foreground = "Foreground"
    /// They go after it has gone.
    case background = "Background"
    /// They stay.
    case orphan = "Orphan"
}

/// A change of an object.
package enum Patch: Sendable, Hashable {
    /// RFC 7396. With a resource version, a change in between is a conflict.
    case merge(JSON, resourceVersion: String? = nil)
    /// RFC 6902, a list of operations.
    case json([JSON])
    /// Server-side apply; `force` takes over fields that another manager owns.
    case apply(JSON, force: Bool = false)

    var contentType: String {
        switch self {
        case .merge: "application/merge-patch+json"
        case .json: "application/json-patch+json"
        // JSON is YAML, and this is the only name that API servers before 1.32 know.
        case .apply: "application/apply-patch+yaml"
        }
    }

    var body: JSON {
        switch self {
        case .merge(let change, nil): return change
        case .merge(var change, let version?):
            change[at: "metadata.resourceVersion"] = .string(version)
            return change
        case .json(let operations): return .array(operations)
        case .apply(let object, _): return object
        }
    }

    /// Whether doing it twice is the same as doing it once.
    var isRepeatable: Bool {
        switch self {
        case .merge(let change, let version): version == nil && change["metadata"]?["resourceVersion"] == nil
        case .json: false
        case .apply: true
        }
    }
}

extension JSON {
    /// Items of a list carry no kind of their own; as objects they need one.
    fileprivate func completed(from list: JSON, resource: Resource) -> JSON {
        guard self["kind"] == nil else { return self }
        var object = self
        let kind = list["kind"]?.string.flatMap { $0.hasSuffix("List") ? String($0.dropLast(4)) : nil }
        object["kind"] = .string(kind.flatMap { $0.isEmpty ? nil : $0 } ?? resource.kind)
        object["apiVersion"] = list["apiVersion"] ?? .string(resource.apiVersion)
        return object
    }

    fileprivate func identified(as resource: Resource) -> JSON {
        var object = self
        if object["kind"] == nil { object["kind"] = .string(resource.kind) }
        if object["apiVersion"] == nil { object["apiVersion"] = .string(resource.apiVersion) }
        return object
    }
}
