import Foundation
import Hummingbird
import HummingbirdTLS
import Kubernetes
import Logging
import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A Kubernetes cluster inside this process: the API, its controllers, and one node that runs pods as local processes.
///
///     try await SandboxCluster.withCluster(configuration) { cluster in
///         try cluster.writeKubeconfig(to: path)
///         ...
///     }
package final class SandboxCluster: Sendable {
    /// `https://127.0.0.1:PORT`.
    package let server: String
    package let apiPort: Int
    /// The self-signed certificate of the API, in PEM.
    package let certificate: String
    /// Faults to inject into the API, for tests.
    package let faults: Faults

    private let configuration: SandboxConfiguration
    let store: ObjectStore
    private let kubelet: Kubelet

    private init(_ configuration: SandboxConfiguration, port: Int, _ parts: Parts) {
        self.configuration = configuration
        apiPort = port
        server = "https://\(configuration.host):\(port)"
        certificate = parts.certificate.pem
        faults = parts.faults
        store = parts.store
        kubelet = parts.kubelet
    }

    /// Runs a cluster while `body` runs. When `body` is called, the API is available and the node is ready. When this method
    /// returns or throws, every pod has ended.
    /// - Throws: `SandboxError`, or the error of `body`.
    package static func withCluster<Result>(
        _ configuration: SandboxConfiguration = SandboxConfiguration(),
        isolation: isolated (any Actor)? = #isolation,
        _ body: (SandboxCluster) async throws -> Result
    ) async throws -> Result {
        let parts = try Parts(configuration)
        defer { parts.services.processes.end() }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            let (ports, found) = AsyncThrowingStream.makeStream(of: Int.self)
            group.addTask {
                do {
                    try await parts.application { found.yield($0) }.run()
                    found.finish()
                } catch {
                    found.finish(throwing: error)
                    throw error
                }
            }
            var iterator = ports.makeAsyncIterator()
            let port: Int
            do {
                guard let found = try await iterator.next() else { throw CancellationError() }
                port = found
            } catch let error where !(error is CancellationError) {
                throw SandboxError.cannotListen(
                    host: configuration.host, port: configuration.port, reason: error.systemMessage)
            }
            await parts.services.addresses.configure(apiPort: port)
            try await parts.store.perform { try $0.createInitialObjects(configuration) }
            for work in parts.work { group.addTask { await work() } }
            let cluster = SandboxCluster(configuration, port: port, parts)
            do {
                let result = try await body(cluster)
                await parts.stop(&group)
                return result
            } catch {
                await parts.stop(&group)
                throw error
            }
        }
    }

    /// The bearer token that every request must have. ``kubeconfig`` contains it.
    package var token: String { configuration.token }

    /// A kubeconfig for this cluster, with one context: `sandbox`.
    package var kubeconfig: String {
        """
        apiVersion: v1
        kind: Config
        clusters:
        - name: sandbox
          cluster: {server: "\(server)", certificate-authority-data: \(Data(certificate.utf8).base64EncodedString())}
        contexts:
        - name: sandbox
          context: {cluster: sandbox, user: sandbox}
        current-context: sandbox
        users:
        - {name: sandbox, user: {token: "\(token)"}}

        """
    }

    /// Writes ``kubeconfig`` to a file that only this user can read. An existing file is replaced; a symbolic link is not followed.
    package func writeKubeconfig(to path: String) throws {
        let draft = "\(path).\(String.randomIdentifier(8))"
        let file = open(draft, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw SandboxError.cannotWrite(path: path, reason: String(cString: strerror(errno))) }
        do {
            try FileHandle(fileDescriptor: file, closeOnDealloc: true).write(contentsOf: Data(kubeconfig.utf8))
            guard rename(draft, path) == 0 else {
                throw SandboxError.cannotWrite(path: path, reason: String(cString: strerror(errno)))
            }
        } catch {
            unlink(draft)
            throw error
        }
    }

    /// The process id of a running container, for tests that kill it.
    package func process(namespace: String, pod: String, container: String) async -> Int32? {
        guard let object = await store.find(.pods, ObjectKey(namespace: namespace, name: pod)) else { return nil }
        return await kubelet.process(pod: object.meta.uid, container: container)
    }
}

/// Why a sandbox cannot start.
package enum SandboxError: Error, Sendable, CustomStringConvertible {
    case cannotListen(host: String, port: Int, reason: String)
    /// The kubeconfig cannot be written.
    case cannotWrite(path: String, reason: String)

    package var description: String {
        switch self {
        case .cannotListen(let host, let port, let reason):
            "the sandbox's API cannot listen on \(host):\(port): \(reason); choose another port, or 0 for any free port"
        case .cannotWrite(let path, let reason): "the kubeconfig \(path) cannot be written: \(reason)"
        }
    }
}

/// The components of a cluster.
private struct Parts: Sendable {
    let configuration: SandboxConfiguration
    let certificate: SelfSignedCertificate
    let store: ObjectStore
    let faults: Faults
    let services: NodeServices
    let kubelet: Kubelet

    init(_ configuration: SandboxConfiguration) throws {
        self.configuration = configuration
        certificate = try SelfSignedCertificate(host: configuration.host)
        store = ObjectStore(
            limits: Objects.Limits(history: configuration.watchHistory, nodePorts: configuration.nodePorts))
        faults = Faults(store: store)
        services = NodeServices(
            store: store, events: EventRecorder(store: store), images: configuration.images, logs: ContainerLogs(),
            proxy: ServiceProxy(host: configuration.host, logger: configuration.logger), addresses: AddressPool(),
            processes: try ProcessGuard(),
            backoff: BackoffTimes(
                crash: configuration.crashBackoff, crashLimit: configuration.crashBackoffLimit,
                pull: configuration.pullBackoff, pullLimit: configuration.pullBackoffLimit),
            logger: configuration.logger)
        kubelet = Kubelet(services, node: configuration.nodeName)
    }

    /// The API server.
    func application(onPort: @escaping @Sendable (Int) -> Void) throws -> Application<APIServer> {
        Application(
            responder: APIServer(
                store: store, logs: services.logs, proxy: services.proxy, events: services.events, faults: faults,
                authenticator: RequestAuthenticator(host: configuration.host, token: configuration.token),
                logger: configuration.logger),
            server: try .tls(tlsConfiguration: certificate.tls),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), serverName: nil),
            onServerRunning: { onPort($0.localAddress?.port ?? 0) },
            logger: configuration.logger)
    }

    /// The background tasks: controllers, proxy, kubelet.
    var work: [@Sendable () async -> Void] {
        let events = services.events
        func loop(
            _ name: String, _ sources: [ControlLoop.Source],
            _ reconcile: @escaping @Sendable (ObjectKey) async throws -> Duration?
        ) -> @Sendable () async -> Void {
            let loop = ControlLoop(
                name: name, store: store, logger: configuration.logger, sources: sources, reconcile: reconcile)
            return { await loop.run() }
        }
        let controllers = ReplicaController(type: .replicationControllers, store: store, events: events)
        let sets = ReplicaController(type: .replicaSets, store: store, events: events)
        let deployments = DeploymentController(store: store, events: events)
        let scheduler = Scheduler(store: store, events: events, node: configuration.nodeName)
        let endpoints = EndpointsController(store: store)
        let quotas = QuotaController(store: store)
        return [
            loop("replicationcontrollers", controllers.sources, controllers.reconcile),
            loop("replicasets", sets.sources, sets.reconcile),
            loop("deployments", deployments.sources, deployments.reconcile),
            loop("scheduler", scheduler.sources, scheduler.reconcile),
            loop("endpoints", endpoints.sources, endpoints.reconcile),
            loop("quotas", quotas.sources, quotas.reconcile),
            { await services.proxy.run(store) },
            { await services.processes.watch(configuration.logger) },
            { await kubelet.run() },
            { await runMaintenance() },
        ]
    }

    /// Sends bookmarks and removes old events.
    private func runMaintenance() async {
        while (try? await Task.sleep(for: configuration.bookmarkInterval)) != nil {
            await store.perform { objects in
                objects.sendBookmarks()
                objects.removeOldEvents()
            }
        }
    }

    /// Stops the pods, then everything else.
    func stop(_ group: inout ThrowingTaskGroup<Void, any Error>) async {
        await kubelet.stop(grace: configuration.stopGrace)
        await services.proxy.closeAll()
        group.cancelAll()
        while await group.nextResult() != nil {}
    }
}
