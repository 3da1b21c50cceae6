import Controller
import Foundation
import HTTPTransport
import Journal
import JournalSQLite
import Logging
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

/// How long a test waits for something that has to happen: a limit against hanging, however busy the machine is.
let testLimit = Duration.seconds(600)

/// Apps on a fake cluster.
struct FakeApps: ServedApps {
    let world: FakeWorld
    let journal: Journal
    let me: String
    let configurations: [AppConfiguration]
    var freezes: [FreezeWindow] = []
    var sharedReadings: [any SharedReadings] = []

    func releases(_ app: String, _ requestOrigin: RequestOrigin) throws(UnknownApp) -> AppReleases {
        var pace = Engine.Pace()
        // That a busy machine gives the engine no time is no interruption of a release.
        pace.absence = .seconds(3600)
        return AppReleases(
            app: try configuration(app),
            engine: Engine(
                cluster: FakeCluster(world: world, app: app, me: me),
                nodes: FakeNodes(world: world, app: app),
                journal: AuditedJournal(journal: journal, requestOrigin: requestOrigin),
                clock: SystemClock(),
                pace: pace
            ),
            freezes: freezes
        )
    }

    /// The clusters that do not answer: calls wait for their deadlines.
    var silent: Set<String> = []

    /// Those of the apps.
    var clusters: [String?] {
        configurations.map(\.cluster).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    func checkCluster(_ name: String?, within limit: Duration?) async throws {
        if let name, silent.contains(name) {
            try await Task.sleep(for: limit ?? .seconds(3600))
            throw Refusal("\(name) does not answer")
        }
        _ = try await world.survey("blog")
    }
}

/// A running server, its journal and its fake cluster.
struct TestServer: Sendable {
    static let version = "20151025.143403"

    let services: Services
    let world: FakeWorld
    let journal: Journal
    let port: Int
    let http: HTTPConnection
    /// A token with role admin.
    let admin: String

    var apps: any ServedApps { services.apps }

    /// Creates a token.
    func token(_ role: Role, name: String? = nil, apps: [String]? = nil, expiresAt: Timestamp? = nil) async throws
        -> String
    {
        try await TokenIssuer(journal: journal).create(
            name: name ?? role.rawValue, role: role, apps: apps, expiresAt: expiresAt, by: "test", origin: "test",
            at: SystemClock().now
        ).token.text
    }

    /// Sends a request, with the admin's token by default; an empty token sends none.
    func call(
        _ method: String,
        _ path: String,
        _ body: String? = nil,
        token: String? = nil,
        headers: [String: String] = [:]
    ) async throws -> Answer {
        var fields = HTTPConnection.Headers()
        let token = token ?? admin
        if !token.isEmpty { fields["Authorization"] = "Bearer \(token)" }
        if body != nil { fields["Content-Type"] = "application/json" }
        for (name, value) in headers { fields[name] = value }
        let response = try await http.send(
            .init(method, path, headers: fields, body: body.map { Data($0.utf8) }, deadline: testLimit))
        return Answer(response)
    }

    func get(_ path: String, token: String? = nil, headers: [String: String] = [:]) async throws -> Answer {
        try await call("GET", path, token: token, headers: headers)
    }

    func post(_ path: String, _ body: String = "{}", token: String? = nil, headers: [String: String] = [:])
        async throws -> Answer
    {
        try await call("POST", path, body, token: token, headers: headers)
    }

    /// Starts a release.
    func deploy(_ version: String = TestServer.version, app: String = "blog", more: String = "") async throws -> Answer
    {
        try await post("/api/v1/apps/\(app)/releases", #"{"version": "\#(version)"\#(more)}"#)
    }

    /// Waits for a state of a release, or its end.
    func release(_ number: Int, app: String = "blog", in state: Release.State) async throws -> Release {
        try #require(
            try await eventually {
                guard let release = Release(folding: try await journal.events(app: app, number: number)) else {
                    return nil
                }
                return release.state == state || release.state.hasEnded ? release : nil
            },
            "\(app)/\(number) did not become \(state)"
        )
    }

    /// The messages of an event stream until its `end`, or until `isEnough` returns true.
    func messages(
        _ path: String,
        after id: Int? = nil,
        token: String? = nil,
        isEnough: @escaping @Sendable ([Message]) -> Bool = { _ in false }
    ) async throws -> [Message] {
        var headers: HTTPConnection.Headers = [
            "Authorization": "Bearer \(token ?? admin)", "Accept": "text/event-stream",
        ]
        if let id { headers["Last-Event-ID"] = "\(id)" }
        let stream = try await http.lines(.init("GET", path, headers: headers, deadline: testLimit))
        try #require(stream.status == 200)
        var messages: [Message] = []
        var message = Message()
        for try await line in stream {
            let text = line.text
            if text.isEmpty {
                if message != Message() { messages.append(message) }
                if message.type == "end" || isEnough(messages) { return messages }
                message = Message()
            } else if text.hasPrefix("id: ") {
                message.id = Int(text.dropFirst(4))
            } else if text.hasPrefix("event: ") {
                message.type = String(text.dropFirst(7))
            } else if text.hasPrefix("data: ") {
                message.data += text.dropFirst(6)
            }
        }
        return messages
    }

    struct Message: Sendable, Equatable {
        var id: Int?
        var type = "message"
        var data = ""
    }

    struct Answer: Sendable, CustomStringConvertible {
        var status: Int
        var headers: HTTPConnection.Headers
        var text: String

        init(_ response: HTTPConnection.Response) {
            status = response.status
            headers = response.headers
            text = String(decoding: response.body, as: UTF8.self)
        }

        var json: JSONValue { (try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))) ?? .null }
        var code: String? { json["error"]["code"].string }
        var field: String? { json["error"]["field"].string }
        var message: String { json["error"]["message"].string ?? "" }
        var description: String { "\(status) \(text)" }
    }
}

/// Runs a server on a fake cluster while `body` runs.
func withServer<Value: Sendable>(
    apps names: [String] = ["blog"],
    folder: TestFolder? = nil,
    world: FakeWorld? = nil,
    together: FakeReadings? = nil,
    me: String = "server-1",
    hasToken: Bool = true,
    destinations: [any OutboxDestination] = [],
    slack: SlackAccess? = nil,
    configure: @Sendable (inout AppConfiguration) -> Void = { _ in },
    settings change: @Sendable (inout ServerSettings) -> Void = { _ in },
    hooks: HookSettings = HookSettings(),
    freezes: [FreezeWindow] = [],
    _ body: @escaping @Sendable (TestServer) async throws -> Value
) async throws -> Value {
    let folder = try folder ?? TestFolder()
    let world = world ?? FakeWorld()
    var journal = try Journal(path: folder.journal)
    // A server that runs is there, however long it gets no time to say so.
    journal.serverLife = .seconds(3600)
    let configurations = try names.enumerated().map { index, name in
        var app = try AppConfiguration(
            app: name,
            ports: .init(container: 9000, blue: 30000 + index * 10, green: 30001 + index * 10),
            image: "registry.local:5000/\(name)",
            ready: .init(timeout: testLimit),
            verify: .init(timeout: testLimit),
            drain: .init(least: .zero, most: .seconds(2))
        )
        configure(&app)
        return app
    }
    var settings = ServerSettings(listen: ListenAddress(host: "127.0.0.1", port: 0), version: "0.1.0")
    // Longer than a test waits for a connection to end, so that it ends for another reason.
    settings.idleTimeout = testLimit * 2
    settings.writeTimeout = testLimit * 2
    change(&settings)
    var hooks = hooks
    hooks.callWithin = testLimit
    hooks.registryWithin = testLimit
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let services = try await Services(
        apps: FakeApps(
            world: world, journal: journal, me: me, configurations: configurations, freezes: freezes,
            sharedReadings: together.map { [$0] } ?? []),
        journal: journal,
        settings: settings,
        hooks: hooks,
        destinations: destinations,
        slack: slack,
        logger: logger
    )
    var admin = ""
    if hasToken {
        admin = try await TokenIssuer(journal: journal).create(
            name: "anna", role: .admin, by: "test", origin: "test", at: SystemClock().now
        ).token.text
    }
    let (ports, listening) = AsyncStream.makeStream(of: Int.self)
    let server = WebServer(services) { listening.yield($0) }
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            do { try await server.run() } catch is CancellationError {}
            listening.finish()
        }
        var iterator = ports.makeAsyncIterator()
        let port = try #require(await iterator.next())
        let scheme = settings.tls == nil ? "http" : "https"
        let http = try HTTPConnection(
            baseURL: "\(scheme)://127.0.0.1:\(port)", connectionLimit: 64, connectTimeout: testLimit)
        let test = TestServer(
            services: services, world: world, journal: journal, port: port, http: http, admin: admin)
        do {
            let value = try await body(test)
            group.cancelAll()
            try await group.waitForAll()
            await http.shutdown()
            return value
        } catch {
            group.cancelAll()
            while await group.nextResult() != nil {}
            await http.shutdown()
            throw error
        }
    }
}

extension Journal {
    func append(_ event: RecordedEvent, app: String, number: Int) async throws {
        try await append([event], app: app, number: number)
    }
}

/// A directory for a test's journal, deleted after the test.
final class TestFolder: Sendable {
    let path: String

    /// `inMemory` where the machine has a file system in memory, for tests that need many transactions and no disk.
    init(inMemory: Bool = false) throws {
        let memory = "/dev/shm"
        let isThere = inMemory && FileManager.default.isWritableFile(atPath: memory)
        let parent = isThere ? URL(filePath: memory) : FileManager.default.temporaryDirectory
        path = parent.appendingPathComponent("server-\(UUID())").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var journal: String { path + "/viridian.sqlite" }
}

/// Polls until `body` returns a value.
func eventually<Value>(
    within limit: Duration = testLimit,
    _ body: () async throws -> Value?
) async throws -> Value? {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if let found = try await body() { return found }
        try await Task.sleep(for: .milliseconds(20))
    }
    return try await body()
}

extension JSONValue {
    subscript(name: String) -> JSONValue {
        if case .object(let members) = self { members[name] ?? .null } else { .null }
    }
    subscript(index: Int) -> JSONValue {
        if case .array(let values) = self, values.indices.contains(index) { values[index] } else { .null }
    }
    var string: String? { if case .string(let value) = self { value } else { nil } }
    var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    var array: [JSONValue] { if case .array(let values) = self { values } else { [] } }
    var isNull: Bool { self == .null }
}
