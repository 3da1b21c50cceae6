import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle

/// A request as the scripted server saw it.
package struct Received: Sendable {
    package var method: String
    /// The Host header.
    package var authority: String
    package var path: String
    package var query: [String: String]
    package var headers: [String: String]
    /// Every header as `name: value`, also those of one name.
    package var headerLines: [String]
    package var body: String
    /// The client's end of the connection: equal for requests on the same connection.
    package var clientPort: Int
}

/// What the scripted server does about a request.
package struct Reply: Sendable {
    package enum Step: Sendable {
        /// Writes and flushes this much of the body.
        case write(String)
        case writeBytes([UInt8])
        /// Continues when the test opens the gate.
        case wait(Gate)
        /// Ends the connection although the body is not complete.
        case drop
        /// Leaves the body open until the test ends.
        case hang
    }

    package var status: Int
    package var headers: [String: String]
    package var steps: [Step]

    package init(status: Int = 200, headers: [String: String] = [:], steps: [Step] = []) {
        self.status = status
        self.headers = headers
        self.steps = steps
    }

    package static func text(_ text: String, status: Int = 200, headers: [String: String] = [:]) -> Reply {
        Reply(status: status, headers: headers, steps: [.write(text)])
    }
}

/// Opens once; all waiting tasks continue.
package actor Gate {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    package init() {}

    package func open() {
        isOpen = true
        for continuation in waiting { continuation.resume() }
        waiting = []
    }

    package func pass() async {
        if isOpen { return }
        await withCheckedContinuation { waiting.append($0) }
    }
}

package actor Requests {
    package private(set) var all: [Received] = []

    /// Stores a request and returns the number of earlier ones.
    func add(_ request: Received) -> Int {
        all.append(request)
        return all.count - 1
    }
}

package struct ScriptedServer: Sendable {
    package var port: Int
    package var requests: Requests
    package var url: String { "http://127.0.0.1:\(port)" }
}

private struct PeerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let clientPort: Int

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        clientPort = source.channel.remoteAddress?.port ?? 0
    }
}

private struct Dropped: Error {}

/// Runs a test against a server on a loopback port, a free one unless it is named, which answers request number n (from 0) as
/// the script says.
package func withServer<Result: Sendable>(
    port: Int = 0,
    _ script: @escaping @Sendable (Received, Int) async throws -> Reply,
    _ test: (ScriptedServer) async throws -> Result
) async throws -> Result {
    let (ports, running) = AsyncStream.makeStream(of: Int.self)
    let requests = Requests()
    let ending = Gate()
    var logger = Logger(label: "scripted server")
    logger.logLevel = .critical
    let responder = CallbackResponder { (request: Request, context: PeerContext) in
        let body = try await request.body.collect(upTo: 8 << 20)
        let url = URLComponents(string: request.uri.description)
        let received = Received(
            method: request.method.rawValue, authority: request.head.authority ?? "", path: request.uri.path,
            query: Dictionary((url?.queryItems ?? []).map { ($0.name, $0.value ?? "") }) { first, _ in first },
            headers: Dictionary(request.headers.map { ($0.name.canonicalName, $0.value) }) { first, _ in first },
            headerLines: request.headers.map { "\($0.name.canonicalName): \($0.value)" }, body: String(buffer: body),
            clientPort: context.clientPort)
        let reply = try await script(received, await requests.add(received))
        var headers = HTTPFields()
        for (name, value) in reply.headers {
            if let name = HTTPField.Name(name) { headers[name] = value }
        }
        return Response(status: .init(code: reply.status), headers: headers, body: ResponseBody(reply, ending: ending))
    }
    let application = Application(
        responder: responder, configuration: .init(address: .hostname("127.0.0.1", port: port)),
        onServerRunning: { running.yield($0.localAddress?.port ?? 0) }, logger: logger)
    // Not cancelled but shut down in good order: a connection accepted while its server is cancelled traps in NIO.
    let service = ServiceGroup(configuration: .init(services: [application], logger: logger))

    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { running.finish() }
            try await service.run()
        }
        var iterator = ports.makeAsyncIterator()
        guard let port = await iterator.next() else { throw ServerDidNotStart() }
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await test(ScriptedServer(port: port, requests: requests)))
        } catch {
            result = .failure(error)
        }
        await ending.open()
        await service.triggerGracefulShutdown()
        try await group.waitForAll()
        return try result.get()
    }
}

package struct ServerDidNotStart: Error {}

extension ResponseBody {
    fileprivate init(_ reply: Reply, ending: Gate) {
        self.init { writer in
            for step in reply.steps {
                switch step {
                case .write(let text): try await writer.write(ByteBuffer(string: text))
                case .writeBytes(let bytes): try await writer.write(ByteBuffer(bytes: bytes))
                case .wait(let gate): await gate.pass()
                case .drop: throw Dropped()
                case .hang: await ending.pass()
                }
            }
            try await writer.finish(nil)
        }
    }
}

/// Replaces waiting: returns immediately and records the durations.
package actor Pauses {
    package private(set) var all: [Duration] = []

    package init() {}

    private func add(_ duration: Duration) { all.append(duration) }

    package nonisolated var pause: @Sendable (Duration) async throws -> Void { { await self.add($0) } }
}
