import Foundation
import Kubernetes
import Processes
import Testing

@testable import Sandbox

/// kubectl with a sandbox's kubeconfig.
struct Kubectl: Sendable {
    let directory: URL

    init(_ cluster: SandboxCluster, in directory: URL) throws {
        self.directory = directory
        try cluster.writeKubeconfig(to: directory.appending(path: "config").path)
    }

    func command(_ words: [String], input: String? = nil) -> Command {
        var environment = ProcessInfo.processInfo.environment
        environment["KUBECONFIG"] = directory.appending(path: "config").path
        environment["HOME"] = directory.path
        return Command(
            "kubectl", ["--cache-dir", directory.appending(path: "cache").path] + words, environment: environment,
            input: input)
    }

    /// Runs it and returns what it printed; a failure is a failed expectation.
    @discardableResult
    func callAsFunction(
        _ words: String..., input: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let done = try await command(words, input: input).run(deadline: .seconds(600))
        #expect(
            done.succeeded, "kubectl \(words.joined(separator: " ")): \(done.error)\(done.output)",
            sourceLocation: sourceLocation)
        return done.output
    }

    /// Runs it, expects a failure and returns standard error.
    func failing(_ words: String..., input: String? = nil, sourceLocation: SourceLocation = #_sourceLocation)
        async throws -> String
    {
        let done = try await command(words, input: input).run(deadline: .seconds(600))
        #expect(
            !done.succeeded, "kubectl \(words.joined(separator: " ")): \(done.output)", sourceLocation: sourceLocation)
        return done.error
    }
}

/// A sandbox, the kubectl for it, and a namespace `blog`.
func withSandbox<Result>(
    _ configure: (inout SandboxConfiguration) -> Void = { _ in },
    isolation: isolated (any Actor)? = #isolation,
    _ body: (SandboxCluster, Kubectl) async throws -> Result
) async throws -> Result {
    let directory = FileManager.default.temporaryDirectory.appending(path: "sandbox-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    var configuration = SandboxConfiguration()
    configuration.crashBackoff = .milliseconds(300)
    configuration.pullBackoff = .milliseconds(200)
    configuration.bookmarkInterval = .milliseconds(300)
    configuration.images = Samples.images
    configure(&configuration)
    return try await SandboxCluster.withCluster(configuration) { cluster in
        _ = try await cluster.store.perform { try $0.create(.namespaces, ["metadata": ["name": "blog"]]) }
        return try await body(cluster, try Kubectl(cluster, in: directory))
    }
}

/// Objects to deploy.
enum Samples {
    /// A web server that answers with its version, in Perl, which every Debian has.
    static let server = #"""
        use IO::Socket::INET; $| = 1;
        my $s = IO::Socket::INET->new(LocalAddr => $ENV{SANDBOX_POD_IP}, LocalPort => 9000, Listen => 256, ReuseAddr => 1)
            or die "cannot listen: $!";
        print "listening on $ENV{SANDBOX_POD_IP}:9000\n";
        while (1) {
            my $c = $s->accept or next;
            while (<$c>) { last if /^\r?\n$/ }
            my $t = "$ENV{VERSION} $ENV{HOSTNAME}\n";
            print $c "HTTP/1.1 200 OK\r\nContent-Length: " . length($t) . "\r\nConnection: close\r\n\r\n" . $t;
            close $c;
        }
        """#

    static let images = ImageCatalog { image in
        guard let reference = ImageName(image), reference.domain == "registry.local:5000" else { return nil }
        let version = reference.tag ?? ""
        switch version {
        case "missing": return .notFound
        case "slow": return .transient(failures: 2, command: ["perl", "-e", server])
        default: return .process(command: ["perl", "-e", server], environment: ["VERSION": version])
        }
    }

    /// The article's service, as a person writes it.
    static func service(_ color: String, nodePort: Int? = nil) -> String {
        """
        apiVersion: v1
        kind: Service
        metadata:
          name: blog-\(color)
          namespace: blog
          labels:
            name: blog-\(color)
        spec:
          type: NodePort
          ports:
          - port: 9000
            \(nodePort.map { "nodePort: \($0)" } ?? "protocol: TCP")
          selector:
            name: blog-\(color)

        """
    }

    static func controller(
        _ color: String, image: String = "registry.local:5000/blog:20151025.143403", replicas: Int = 1,
        more: String = ""
    ) -> String {
        """
        apiVersion: v1
        kind: ReplicationController
        metadata:
          name: blog-\(color)
          namespace: blog
        spec:
          replicas: \(replicas)
          selector:
            name: blog-\(color)
          template:
            metadata:
              labels:
                name: blog-\(color)
            spec:
              terminationGracePeriodSeconds: 2
              containers:
              - name: blog
                image: \(image)
                ports:
                - containerPort: 9000
                readinessProbe:
                  httpGet:
                    path: /
                    port: 9000
        \(more)
        """
    }

    /// A pod that runs this machine's shell.
    static func pod(_ name: String, _ script: String, more: String = "") -> String {
        """
        apiVersion: v1
        kind: Pod
        metadata:
          name: \(name)
          namespace: blog
        spec:
          terminationGracePeriodSeconds: 2
          containers:
          - name: main
            image: busybox
            command: ["sh", "-c", \(JSON.string(script).text)]
        \(more)
        """
    }
}

extension SandboxCluster {
    /// Watches an object until it satisfies a condition.
    func waitFor(
        _ type: ResourceType, _ name: String, namespace: String = "blog", within limit: Duration = .seconds(600),
        sourceLocation: SourceLocation = #_sourceLocation, _ isWanted: @escaping @Sendable (JSON) -> Bool
    ) async throws -> JSON {
        var filter = ObjectFilter(namespace: namespace)
        filter.fields.requirements = [.init(path: "metadata.name", value: name, negated: false)]
        let events = await store.perform { [filter] in $0.watch(type, filter, from: .current).events }
        return try await withThrowingTaskGroup(of: JSON?.self) { group in
            group.addTask {
                for await event in events where event.kind != .deleted && isWanted(event.object) {
                    return event.object
                }; return nil
            }
            group.addTask {
                try await Task.sleep(for: limit); return nil
            }
            defer { group.cancelAll() }
            let found = try await group.next() ?? nil
            if found == nil {
                let present = await store.find(type, ObjectKey(namespace: namespace, name: name))
                Issue.record(
                    "\(name) never came to be as wanted: \(present?.text ?? "gone")", sourceLocation: sourceLocation)
            }
            return try #require(found, sourceLocation: sourceLocation)
        }
    }

    func pods(_ labels: [String: String] = [:]) async -> [JSON] {
        await store.list(.pods, ObjectFilter(namespace: "blog", labels: LabelSelector(labels)))
    }
}

/// Calls to the API with curl.
extension SandboxCluster {
    func call(_ path: String, _ more: String...) async throws -> (code: Int, body: JSON) { try await call(path, more) }

    /// With the token, and with JSON for a body, unless `more` says otherwise.
    func call(_ path: String, _ more: [String]) async throws -> (code: Int, body: JSON) {
        let done = try await curl(path, ["--max-time", "600", "--write-out", "\n%{http_code}"] + more).run()
        var lines = done.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let code = Int(lines.removeLast()) ?? 0
        return (code, (try? JSON(parsing: lines.joined(separator: "\n"))) ?? .null)
    }

    func curl(_ path: String, _ more: String...) -> Command { curl(path, more) }

    func curl(_ path: String, _ more: [String]) -> Command {
        let usual = ["Authorization: Bearer \(token)", "Content-Type: application/json"]
        let headers = usual.filter { header in !more.contains { $0.hasPrefix(header.prefix { $0 != ":" }) } }
        // kubectl's tests cover the certificate.
        return Command("curl", ["--silent", "--insecure", server + path] + headers.flatMap { ["-H", $0] } + more)
    }
}

/// Whether a test runs alone on the machine, for valid figures: `SANDBOX_MEASURE=1`.
let isMeasuring = ProcessInfo.processInfo.environment["SANDBOX_MEASURE"] == "1"

/// One response of a web server, over a new connection.
func fetch(_ port: Int, host: String = "127.0.0.1") async throws -> String {
    let done = try await Command("curl", ["--silent", "--show-error", "--max-time", "600", "http://\(host):\(port)/"])
        .run()
    if !done.succeeded { throw FetchError(text: done.error) }
    return done.output
}

struct FetchError: Error, CustomStringConvertible {
    var text: String
    var description: String { text }
}

/// The lines that a process has printed so far.
actor LineCollector {
    private(set) var lines: [String] = []
    private var waiting: [(condition: @Sendable (String) -> Bool, continuation: AsyncStream<Void>.Continuation)] = []

    func add(_ line: String) {
        lines.append(line)
        for waiter in waiting where waiter.condition(line) { waiter.continuation.finish() }
    }

    /// Returns when a matching line has arrived, or after ten minutes.
    func wait(for condition: @escaping @Sendable (String) -> Bool) async {
        guard !lines.contains(where: condition) else { return }
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        waiting.append((condition, continuation))
        let timer = Task {
            try? await Task.sleep(for: .seconds(600))
            continuation.finish()
        }
        for await _ in stream {}
        timer.cancel()
        #expect(lines.contains(where: condition), "\(lines)")
    }
}

extension ObjectStore {
    /// Returns when an API client has an open watch.
    func waitForWatch(_ type: ResourceType) async throws -> Int {
        let limit = ContinuousClock.now + .seconds(600)
        while ContinuousClock.now < limit {
            let count = perform { $0.externalWatches }
            if count > 0 { return count }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("nobody watches \(type.plural)")
        return 0
    }
}
