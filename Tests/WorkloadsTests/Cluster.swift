import Controller
import Foundation
import Kubernetes
import ReleaseMachine
import Sandbox
import Synchronization
import Testing
import ViridianConfiguration

@testable import Workloads

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An embedded cluster with the namespace `blog`, and the app in it.
struct TestCluster: Sendable {
    let sandbox: SandboxCluster
    let client: KubernetesClient
    var app: AppConfiguration

    /// `images` defines how versions behave.
    static func run(
        _ configure: (inout AppConfiguration) -> Void = { _ in },
        isolation: isolated (any Actor)? = #isolation,
        _ body: (TestCluster) async throws -> Void
    ) async throws {
        let ports = freePorts(2)
        let app = try Blog.app(blue: ports[0], green: ports[1]) {
            $0.template = .init(path: "blog-pod.yaml", text: template)
            configure(&$0)
        }
        var configuration = SandboxConfiguration()
        configuration.images = images
        configuration.crashBackoff = .milliseconds(300)
        configuration.pullBackoff = .milliseconds(200)
        configuration.nodePorts = 1024...65535
        configuration.stopGrace = .milliseconds(500)
        try await SandboxCluster.withCluster(configuration) { sandbox in
            let kubeconfig = FileManager.default.temporaryDirectory.appending(path: "workloads-\(UUID())").path
            defer { try? FileManager.default.removeItem(atPath: kubeconfig) }
            try sandbox.writeKubeconfig(to: kubeconfig)
            var access = try ClusterAccess.discover(kubeconfig: kubeconfig)
            (access.namespace, access.origin) = ("blog", "test")
            let client = KubernetesClient(access)
            do {
                _ = try await client.create(.namespaces, ["metadata": ["name": "blog"]])
                try await body(TestCluster(sandbox: sandbox, client: client, app: app))
                await client.shutdown()
            } catch {
                await client.shutdown()
                throw error
            }
        }
    }

    static let template = """
        spec:
          terminationGracePeriodSeconds: 2
          containers: [{name: blog, image: registry.local:5000/blog}]
        """

    private static let images = ImageCatalog { image in
        guard image.hasPrefix(Blog.image + ":") else { return nil }
        let version = image.dropFirst(Blog.image.count + 1)
        switch version {
        case "missing": return .notFound
        case "late": return .transient(failures: 1, command: ["sleep", "1000"])
        case "crash":
            let script = "echo reading the settings; echo 'fatal: DATABASE_URL is missing' >&2; exit 3"
            return .process(command: ["sh", "-c", script])
        case "polite":
            return .process(command: ["sh", "-c", "trap 'sleep 0.7; exit 0' TERM; while :; do sleep 0.05; done"])
        default: return .process(command: ["sleep", "1000"])
        }
    }

    /// The next free port. Each is used once, so that parallel tests have their own; they are outside of the range from which the
    /// kernel takes ports for outgoing connections.
    private static let nextPort = Mutex(Int.random(in: 7_000..<10_000))

    private static func freePorts(_ count: Int) -> [Int] {
        nextPort.withLock { next in
            var ports: [Int] = []
            while ports.count < count {
                next += 1
                if FreePorts.isFree(next) { ports.append(next) }
            }
            return ports
        }
    }

    // MARK: The app

    func cluster(_ holder: LeaseHolder = .current()) -> AppCluster {
        AppCluster(client: client, app: app, holder: holder)
    }

    var lease: LeaseMaker { LeaseMaker(client: client) }

    struct LeaseMaker {
        let client: KubernetesClient

        func callAsFunction(_ holder: LeaseHolder, now: @escaping @Sendable () -> Date = { Date() }) -> AppLease {
            AppLease(client: client, app: "blog", namespace: "blog", holder: holder, now: now)
        }
    }

    // MARK: Reading

    func workload(_ color: Color) async throws -> JSON? { try await cluster().workload(color) }

    func uid(_ color: Color) async throws -> String? { try await workload(color)?[at: "metadata.uid"]?.string }

    func pods(_ name: String) async throws -> [JSON] {
        try await client.list(.pods, namespace: "blog", labels: "name=\(name)").items
    }

    /// Watches a colour's pods until there is a verdict.
    func verdict(_ color: Color, _ order: Order, desired: Int, within limit: Duration = .seconds(600)) async throws
        -> PodsObservation
    {
        let stream = cluster().pods(of: color, for: order, desired: desired)
        return try await withThrowingTaskGroup(of: PodsObservation?.self) { group in
            group.addTask {
                for try await seen in stream where seen.verdict != .waiting { return seen }
                return nil
            }
            group.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            return try #require(try await group.next() ?? nil, "no verdict in \(limit)")
        }
    }

    /// Creates a candidate and waits until its pods are ready.
    func bringUp(_ color: Color, _ number: Int, version: String = Blog.version, replicas: Int = 1) async throws {
        let order = Blog.order(number, version: version)
        let survey = Survey(live: nil, candidate: color, replicas: replicas, nodes: [])
        try await cluster().createCandidate(order, survey)
        #expect(try await verdict(color, order, desired: replicas).verdict == .ready)
    }
}

extension LeaseHolder {
    static func named(_ host: String) -> LeaseHolder {
        LeaseHolder(user: "deploy", host: host, process: 4711, start: "1", boot: "b")
    }
}
