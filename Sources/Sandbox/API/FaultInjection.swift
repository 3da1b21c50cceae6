import Kubernetes
import NIOConcurrencyHelpers

/// The requests that a fault applies to. A property that is `nil` matches any value.
package struct RequestMatcher: Sendable {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    package var verbs: Set<String>?
    /// The plural name of a collection: `pods`.
    package var resource: String?
    package var namespace: String?
    package var name: String?
    /// `status`, `scale`, `log`.
    package var subresource: String?
    /// The path of a request that is not for objects: `/readyz`.
    package var path: String?

    package init(
        verbs: Set<String>? = nil, resource: String? = nil, namespace: String? = nil, name: String? = nil,
        subresource: String? = nil, path: String? = nil
    ) {
        self.verbs = verbs
        self.resource = resource
        self.namespace = namespace
        self.name = name
        self.subresource = subresource
        self.path = path
    }

    func matches(_ info: RequestInfo) -> Bool {
        if let verbs, !verbs.contains(info.verb) { return false }
        if let resource, info.resource?.type.plural != resource { return false }
        if let namespace, info.resource?.namespace != namespace { return false }
        if let name, info.resource?.name != name { return false }
        if let subresource, info.resource?.subresource != subresource { return false }
        if let path, info.path != path { return false }
        return true
    }
}

/// How a request fails.
package enum FaultAction: Sendable {
    case delay(Duration)
    /// The connection is closed without a response. The request has no effect.
    case drop
    /// The response has this status and reason. The request has no effect.
    case refuse(status: Int, reason: String, message: String)
}

/// Injected failures of the sandbox's API, for tests.
package struct Faults: Sendable {
    enum Action: Sendable {
        case none
        case delay(Duration)
        case drop
        case refuse(StatusError)
    }

    private struct Rule {
        var matcher: RequestMatcher
        var action: FaultAction
        var remaining: Int?
    }

    private struct State {
        var rules: [Rule] = []
        var denied: [RequestMatcher] = []
        var hits = 0
    }

    private let state = NIOLockedValueBox(State())
    private let store: ObjectStore

    init(store: ObjectStore) {
        self.store = store
    }

    /// Makes matching requests fail from now on: the next `count` requests, or all. The first matching rule applies.
    package func inject(_ action: FaultAction, on matcher: RequestMatcher = RequestMatcher(), count: Int? = nil) {
        state.withLockedValue { $0.rules.append(Rule(matcher: matcher, action: action, remaining: count)) }
    }

    /// Denies a permission: matching requests are refused with 403, and access reviews report it.
    package func deny(_ matcher: RequestMatcher) {
        state.withLockedValue { $0.denied.append(matcher) }
    }

    /// Removes all faults and denied permissions.
    package func clear() {
        state.withLockedValue {
            $0.rules = []
            $0.denied = []
        }
    }

    /// The number of requests that rules have made fail.
    package var hits: Int { state.withLockedValue { $0.hits } }

    /// Ends the clients' open watches of a collection (nil: of all).
    package func closeWatches(of resource: String? = nil) async {
        await store.perform { $0.endWatches(of: Self.types(resource), with: nil) }
    }

    /// Ends the clients' open watches with `410 Gone` and drops the change history, so that they must list again.
    package func expireWatches(of resource: String? = nil) async {
        await store.perform { objects in
            objects.compact()
            let error = StatusError.expired("The resourceVersion for the provided watch is too old.")
            objects.endWatches(of: Self.types(resource), with: StoreEvent(kind: .error, object: error.status))
        }
    }

    /// The number of watches that clients have open.
    package var openWatches: Int {
        get async { await store.perform { $0.externalWatches } }
    }

    private static func types(_ resource: String?) -> [ResourceType] {
        ResourceType.all.filter { resource == nil || $0.plural == resource }
    }

    func action(for info: RequestInfo) -> Action {
        state.withLockedValue { state in
            guard let index = state.rules.firstIndex(where: { $0.remaining != 0 && $0.matcher.matches(info) }) else {
                return .none
            }
            if let remaining = state.rules[index].remaining { state.rules[index].remaining = remaining - 1 }
            state.hits += 1
            switch state.rules[index].action {
            case .delay(let duration): return .delay(duration)
            case .drop: return .drop
            case .refuse(let status, let reason, let message):
                return .refuse(StatusError(code: status, reason: reason, message: message))
            }
        }
    }

    func checkAccess(_ info: RequestInfo) throws {
        guard let target = info.resource, isDenied(info) else { return }
        let scope = target.namespace.map { " in the namespace \"\($0)\"" } ?? " at the cluster scope"
        let resource = target.type.plural + (target.subresource.map { "/\($0)" } ?? "")
        throw StatusError.forbidden(
            target.type, target.name ?? "",
            "User \"sandbox\" cannot \(info.verb) resource \"\(resource)\" in API group \"\(target.type.group)\"\(scope)"
        )
    }

    /// Whether any permission is denied.
    var hasDenials: Bool { state.withLockedValue { !$0.denied.isEmpty } }

    func isDenied(_ info: RequestInfo) -> Bool {
        state.withLockedValue { $0.denied.contains { $0.matches(info) } }
    }
}
