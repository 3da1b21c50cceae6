import Kubernetes
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A node port that cannot be opened.
struct PortUnavailable: Error, CustomStringConvertible {
    var port: Int
    var reason: String

    var description: String { "cannot listen on port \(port): \(reason)" }
}

/// The backends of a node port: the ready endpoints, in round-robin order.
struct Backends: Sendable {
    private let state = NIOLockedValueBox((addresses: [SocketAddress](), next: 0))

    func replace(_ addresses: [SocketAddress]) {
        state.withLockedValue { $0.addresses = addresses }
    }

    /// All addresses, starting with the next one in turn.
    func inTurn() -> [SocketAddress] {
        state.withLockedValue { state in
            guard !state.addresses.isEmpty else { return [] }
            state.next = (state.next + 1) % state.addresses.count
            return Array(state.addresses[state.next...] + state.addresses[..<state.next])
        }
    }
}

/// The node ports of services: a TCP proxy to the ready pods, which replaces kube-proxy.
///
/// As with connection tracking, open connections stay with their pod when it leaves the endpoints.
actor ServiceProxy {
    private struct Listener {
        var channel: any Channel
        var owner: ObjectKey
        var backends: Backends
        /// Whether the port is reserved for a service that is about to be written.
        var isReserved: Bool
    }

    private let host: String
    private let logger: Logger
    private var listeners: [Int: Listener] = [:]
    private var opening: [Int: EventLoopFuture<any Channel>] = [:]
    private var services: [ObjectKey: JSON] = [:]
    private var endpoints: [ObjectKey: JSON] = [:]

    init(host: String, logger: Logger) {
        self.host = host
        self.logger = logger
    }

    /// Opens a port for a service that is about to be written. ``serviceChanged(_:)`` or ``release(_:of:closing:)`` must
    /// follow.
    ///
    /// - Returns: whether this call opened the port; `false` when it was already open.
    /// - Throws: ``PortUnavailable`` when another program uses the port.
    func reserve(_ port: Int, for owner: ObjectKey) async throws -> Bool {
        let isNew = try await open(port, for: owner)
        listeners[port]?.isReserved = true
        return isNew
    }

    /// Ends a reservation when the service was not written.
    func release(_ port: Int, of owner: ObjectKey, closing: Bool) async {
        listeners[port]?.isReserved = false
        if closing { await close(port, of: owner) }
    }

    private func open(_ port: Int, for owner: ObjectKey) async throws -> Bool {
        if listeners[port] != nil {
            listeners[port]?.owner = owner
            return false
        }
        if let other = opening[port] {
            _ = try? await other.get()
            return try await open(port, for: owner)
        }
        let backends = Backends()
        let bound = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            // One read per wake-up: a second read that finds nothing costs more than it saves.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Relay(backends: backends))
                }
            }
            .bind(host: host, port: port)
        opening[port] = bound
        defer { opening[port] = nil }
        do {
            listeners[port] = Listener(
                channel: try await bound.get(), owner: owner, backends: backends, isReserved: false)
        } catch {
            throw PortUnavailable(port: port, reason: error.systemMessage)
        }
        return true
    }

    /// Stops listening on a port, unless another service has taken it over.
    private func close(_ port: Int, of owner: ObjectKey) async {
        guard let listener = listeners[port], listener.owner == owner else { return }
        listeners[port] = nil
        try? await listener.channel.close()
    }

    func closeAll() async {
        let open = listeners.values
        listeners = [:]
        for listener in open { try? await listener.channel.close() }
    }

    // MARK: - Changes of the store

    func serviceChanged(_ service: JSON) async {
        let key = service.meta.key
        // Writers call this directly and the watch calls it later, so older revisions are ignored.
        if let known = services[key], known.meta.revision > service.meta.revision { return }
        let wanted = Set(Objects.nodePorts(of: service))
        services[key] = service
        for (port, listener) in listeners where listener.owner == key && !wanted.contains(port) {
            await close(port, of: key)
        }
        for port in wanted {
            do {
                _ = try await open(port, for: key)
                listeners[port]?.isReserved = false
            } catch {
                logger.error("node port", metadata: ["service": "\(key.name)", "error": "\(error)"])
            }
        }
        route(key)
    }

    func serviceRemoved(_ service: JSON) async {
        let key = service.meta.key
        if let known = services[key], known.meta.revision > service.meta.revision { return }
        services[key] = nil
        for (port, listener) in listeners where listener.owner == key && !listener.isReserved {
            await close(port, of: key)
        }
    }

    /// Applies endpoints, unless they are older than the known ones.
    func endpointsChanged(_ object: JSON) {
        let key = object.meta.key
        if let known = endpoints[key], known.meta.revision > object.meta.revision { return }
        endpoints[key] = object
        route(key)
    }

    func endpointsRemoved(_ object: JSON) {
        let key = object.meta.key
        if let known = endpoints[key], known.meta.revision > object.meta.revision { return }
        endpoints[key] = nil
        route(key)
    }

    private func route(_ key: ObjectKey) {
        guard let service = services[key] else { return }
        for port in service[at: "spec.ports"]?.array ?? [] {
            guard let nodePort = port["nodePort"]?.integer, let listener = listeners[nodePort], listener.owner == key
            else { continue }
            listener.backends.replace(Self.addresses(of: port, in: endpoints[key]))
        }
    }

    private static func addresses(of port: JSON, in endpoints: JSON?) -> [SocketAddress] {
        (endpoints?["subsets"]?.array ?? []).flatMap { subset -> [SocketAddress] in
            let target = (subset["ports"]?.array ?? []).first { $0["name"] == port["name"] }?["port"]?.integer
            guard let target, (1...65_535).contains(target) else { return [] }
            return (subset["addresses"]?.array ?? []).compactMap {
                try? SocketAddress(ipAddress: $0["ip"]?.string ?? "", port: target)
            }
        }
    }
}

extension ServiceProxy {
    /// Follows services and endpoints until cancelled.
    func run(_ store: ObjectStore) async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await event in await store.watch(.services) {
                    if event.kind == .deleted {
                        await self.serviceRemoved(event.object)
                    } else {
                        await self.serviceChanged(event.object)
                    }
                }
            }
            group.addTask {
                for await event in await store.watch(.endpoints) {
                    if event.kind == .deleted {
                        await self.endpointsRemoved(event.object)
                    } else {
                        await self.endpointsChanged(event.object)
                    }
                }
            }
        }
    }

    /// Removes a pod that is about to end from the endpoints of its services and from this proxy. After this, the pod gets no new
    /// connections.
    func withdraw(_ pod: JSON, _ store: ObjectStore) async {
        let changed = await store.perform { objects in
            objects.list(.services, namespace: pod.meta.namespace)
                .filter {
                    let selector = ($0[at: "spec.selector"]?.object ?? [:]).compactMapValues(\.string)
                    return !selector.isEmpty && LabelSelector(selector).matches(pod.meta.labels)
                }
                .compactMap { objects.syncEndpoints(of: $0.meta.key) }
        }
        for endpoints in changed { endpointsChanged(endpoints) }
    }
}
