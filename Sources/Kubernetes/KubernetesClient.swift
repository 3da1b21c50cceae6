import Foundation
import HTTPTransport

/// A client of the Kubernetes API. Objects are JSON values, so that unknown fields survive.
///
/// Without a namespace, calls for one object use the context's namespace; lists and watches cover all namespaces.
/// Every call throws `KubernetesError`, `CredentialError` or `CancellationError`.
/// Reads, deletes and unconditional changes are retried after 429, 500, 502, 503, 504 and lost connections, within the
/// call's deadline. Creates and changes bound to a resource version are retried only when the server cannot have acted.
package struct KubernetesClient: Sendable {
    /// For one call, retries included.
    package var deadline: Duration = .seconds(30)
    /// The manager's name in the objects' managed fields.
    package var fieldManager = "viridian"

    /// `nil`: every read is a call.
    private(set) var reads: RememberedReads?

    let session: APISession
    let pause: @Sendable (Duration) async throws -> Void
    let now: @Sendable () -> ContinuousClock.Instant

    /// `pause` waits between attempts; how long a list or a watch has taken is measured by `now`.
    package init(
        _ access: ClusterAccess,
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        session = APISession(access, pause: pause)
        self.pause = pause
        self.now = now
    }

    package var access: ClusterAccess { session.access }

    /// The same client for one look: it asks for each object and each list once, and answers the next time with what it has read.
    package func remembering() -> KubernetesClient {
        var client = self
        client.reads = RememberedReads()
        return client
    }

    /// Closes every connection; calls and watches in progress fail.
    package func shutdown() async { await session.shutdown() }

    // MARK: - Reading

    /// The highest number of objects in a list; no namespace with apps has as many of one kind.
    private static let itemLimit = 100_000

    package func get(_ resource: Resource, _ name: String, namespace: String? = nil) async throws -> JSON {
        try await object(.init("get", resource, name, resolvedNamespace(resource, namespace)))
    }

    /// All matching objects, read in pages, within four times the deadline of a call.
    ///
    /// `labels` and `fields` are selectors: `name=blog-blue`, `involvedObject.name=blog-blue-x`. `pageSize` is the number of
    /// objects per request. `keeping` returns what is kept of each object, so that a list of a whole cluster fits into memory.
    package func list(
        _ resource: Resource, namespace: String? = nil, labels: String? = nil, fields: String? = nil,
        pageSize: Int = 500, keeping: (JSON) -> JSON? = { $0 }
    ) async throws -> ResourceList {
        var items: [JSON] = []
        var token: String?
        var limit: Int? = pageSize
        let end = now() + deadline * 4
        while true {
            var call = Call("list", resource, nil, namespace)
            call.largestBody = Call.largestList
            call.select(labels: labels, fields: fields)
            if let limit { call.query.append(("limit", String(limit))) }
            if let token { call.query.append(("continue", token)) }
            do {
                let page = try await object(call)
                guard let found = page["items"]?.array ?? (page["items"] == .null ? [] : nil) else {
                    throw invalidResponse(call, "a list without items")
                }
                items += found.compactMap { keeping($0.completed(from: page, resource: resource)) }
                let next = page["metadata"]?["continue"]?.string.flatMap { $0.isEmpty ? nil : $0 }
                // A selector may leave a page empty, but the number of pages is finite.
                guard next == nil || (next != token && items.count <= Self.itemLimit && now() < end) else {
                    throw invalidResponse(call, "an endless list, with \(items.count) objects so far")
                }
                token = next
                if token == nil {
                    return ResourceList(
                        items: items, resourceVersion: page["metadata"]?["resourceVersion"]?.string ?? "")
                }
            } catch let error as KubernetesError where error.isExpired && token != nil {
                // The continue token has expired: the list is read again, in one request.
                items = []
                token = nil
                limit = nil
            }
        }
    }

    /// `GET` of any path of the API, such as `/version`.
    package func get(path: String) async throws -> JSON {
        var call = Call("get", Resource(plural: path, kind: "", isNamespaced: false), nil, nil)
        call.path = path
        return try await object(call)
    }

    /// What `/readyz` reports. A server without `/readyz` counts as ready.
    package func readiness() async -> ServerReadiness {
        var call = Call("get", Resource(plural: "readyz", kind: "", isNamespaced: false), nil, nil)
        call.path = "/readyz"
        do {
            _ = try await send(call)
            return .ready
        } catch let error as KubernetesError where error.isForbidden {
            return .denied
        } catch let error as KubernetesError {
            return error.refusal.map { $0.status < 500 } ?? false ? .ready : .notReady
        } catch {
            return .notReady
        }
    }

    // MARK: - Changing

    /// Creates an object, which contains its `name` or `generateName`.
    ///
    /// The response may be lost although the object was created. With a name chosen by the caller, the next attempt then fails
    /// with `isAlreadyExists`.
    package func create(
        _ resource: Resource, _ object: JSON, namespace: String? = nil, dryRun: Bool = false
    ) async throws -> JSON {
        let target = resolvedNamespace(resource, namespace ?? object["metadata"]?["namespace"]?.string)
        var call = Call("create", resource, object["metadata"]?["name"]?.string, target)
        call.path = resource.path(namespace: target)
        call.body = object.identified(as: resource)
        call.isRepeatable = false
        return try await self.object(call.managed(by: fieldManager, dryRun: dryRun))
    }

    /// Replaces an object. If `object` has a `resourceVersion`, a change since then is a conflict.
    package func replace(
        _ resource: Resource, _ object: JSON, namespace: String? = nil, dryRun: Bool = false
    ) async throws -> JSON {
        let name = object["metadata"]?["name"]?.string ?? ""
        let target = resolvedNamespace(resource, namespace ?? object["metadata"]?["namespace"]?.string)
        var call = Call("update", resource, name, target)
        call.body = object.identified(as: resource)
        call.isRepeatable = object["metadata"]?["resourceVersion"]?.string == nil
        return try await self.object(call.managed(by: fieldManager, dryRun: dryRun))
    }

    package func patch(
        _ resource: Resource, _ name: String, _ patch: Patch, namespace: String? = nil, subresource: String? = nil,
        dryRun: Bool = false
    ) async throws -> JSON {
        var call = Call("patch", resource, name, resolvedNamespace(resource, namespace), subresource: subresource)
        call.contentType = patch.contentType
        call.body = patch.body
        call.isRepeatable = patch.isRepeatable
        if case .apply(_, let isForced) = patch, isForced { call.query.append(("force", "true")) }
        return try await object(call.managed(by: fieldManager, dryRun: dryRun))
    }

    /// Deletes an object and returns the server's response: the terminating object, or a status.
    ///
    /// With `uid`, only the object with this identity is deleted, not a later one with the same name. With `resourceVersion`,
    /// it is deleted only if it has not changed since.
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
        var call = Call("delete", resource, name, resolvedNamespace(resource, namespace))
        call.body = options
        return try await object(call)
    }

    /// The `scale` subresource of a workload: `spec.replicas` is the desired number, `status.replicas` the current one.
    package func scale(of resource: Resource, _ name: String, namespace: String? = nil) async throws -> JSON {
        try await object(.init("get", resource, name, resolvedNamespace(resource, namespace), subresource: "scale"))
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

    /// Whether the account has the permission, according to the API server (SelfSubjectAccessReview).
    package func isAllowed(_ verb: String, _ resource: Resource, namespace: String?, subresource: String? = nil)
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

    func resolvedNamespace(_ resource: Resource, _ namespace: String?) -> String? {
        resource.isNamespaced ? namespace ?? access.namespace : nil
    }
}

/// A list of objects and its resource version.
package struct ResourceList: Sendable, Hashable {
    package var items: [JSON]
    package var resourceVersion: String

    package init(items: [JSON], resourceVersion: String) {
        self.items = items
        self.resourceVersion = resourceVersion
    }
}

/// Whether an API server can serve.
package enum ServerReadiness: Sendable, Hashable {
    case ready
    case notReady
    /// The account may not read it: a server that has just started denies every call until it has loaded its roles, and a few clusters
    /// deny this one for good.
    case denied
}

/// What happens to the objects that a deleted object owns.
package enum Propagation: String, Sendable {
    /// They are deleted before the object.
    case foreground = "Foreground"
    /// They are deleted after the object.
    case background = "Background"
    /// They are kept.
    case orphan = "Orphan"
}

/// A change to an object.
package enum Patch: Sendable, Hashable {
    /// JSON merge patch (RFC 7396). With a resource version, a change since then is a conflict.
    case merge(JSON, resourceVersion: String? = nil)
    /// JSON patch (RFC 6902): a list of operations.
    case json([JSON])
    /// Server-side apply. `force` takes over fields that another manager owns.
    case apply(JSON, force: Bool = false)

    var contentType: String {
        switch self {
        case .merge: "application/merge-patch+json"
        case .json: "application/json-patch+json"
        // JSON is YAML, and API servers before 1.32 accept only this type.
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

    /// Whether the change is idempotent.
    var isRepeatable: Bool {
        switch self {
        case .merge(let change, let version): version == nil && change["metadata"]?["resourceVersion"] == nil
        case .json: false
        case .apply: true
        }
    }
}

extension JSON {
    /// Items of a list have no `kind` and `apiVersion`; as objects they need both.
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
