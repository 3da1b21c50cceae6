import NIOCore
import NIOHTTP1
import NIOPosix
import Processes

/// Executes the checks of probes.
struct Prober: Sendable {
    let address: String
    let program: ContainerProgram
    /// The container's main process.
    let process: Int32?

    /// - Returns: why the check failed, or `nil` when it succeeded.
    func failure(of probe: ContainerProbe) async -> String? {
        switch probe.check {
        case .http(let path, let port, let headers, let host):
            await http(host ?? address, port, path, headers, probe.timeout)
        case .tcp(let port, let host): await tcp(host ?? address, port, probe.timeout)
        case .exec(let command): await exec(command, probe.timeout)
        case .unsupported(let reason): reason
        }
    }

    private func exec(_ arguments: [String], _ timeout: Duration) async -> String? {
        guard !arguments.isEmpty else { return "the probe has no command" }
        let command = program.root.inside(
            process, arguments, environment: program.environment, workingDirectory: program.workingDirectory)
        do {
            let done = try await command.run(deadline: timeout, grace: .milliseconds(100))
            switch done.termination {
            case .exited(0): return nil
            case .deadlineExceeded: return "command timed out after \(timeout.components.seconds)s"
            default: return done.output + done.error
            }
        } catch {
            return "\(error)"
        }
    }

    private func tcp(_ host: String, _ port: Int, _ timeout: Duration) async -> String? {
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(TimeAmount(timeout)).connect(host: host, port: port).get()
            try? await channel.close()
            return nil
        } catch {
            return Self.dialFailure(host, port, error)
        }
    }

    private func http(
        _ host: String, _ port: Int, _ path: String, _ headers: [(String, String)], _ timeout: Duration
    ) async -> String? {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let status = loop.makePromise(of: Int.self)
        let url = "http://\(host):\(port)\(path.hasPrefix("/") ? "" : "/")\(path)"
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: loop)
                .connectTimeout(TimeAmount(timeout))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(ProbeResponseHandler(status))
                    }
                }
                .connect(host: host, port: port).get()
        } catch {
            status.fail(error)
            return "Get \"\(url)\": \(Self.dialFailure(host, port, error))"
        }
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path.hasPrefix("/") ? path : "/" + path)
        head.headers.add(name: "User-Agent", value: "kube-probe/1.28")
        head.headers.add(name: "Accept", value: "*/*")
        head.headers.add(name: "Connection", value: "close")
        for (name, value) in headers { head.headers.replaceOrAdd(name: name, value: value) }
        if !head.headers.contains(name: "Host") { head.headers.add(name: "Host", value: "\(host):\(port)") }
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        let timer = loop.scheduleTask(in: TimeAmount(timeout)) { status.fail(ProbeTimeout()) }
        defer {
            timer.cancel()
            channel.close(promise: nil)
        }
        do {
            let code = try await status.futureResult.get()
            // k8s.io/kubernetes/pkg/probe/http: statuses from 200 to 399 are a success.
            return (200..<400).contains(code) ? nil : "HTTP probe failed with statuscode: \(code)"
        } catch is ProbeTimeout {
            return "Get \"\(url)\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        } catch {
            return "Get \"\(url)\": EOF"
        }
    }

    private static func dialFailure(_ host: String, _ port: Int, _ error: any Error) -> String {
        if case .some(.connectTimeout) = error as? ChannelError { return "dial tcp \(host):\(port): i/o timeout" }
        let isRefused =
            (error as? NIOConnectionError)?.connectionErrors.contains { "\($0.error)".contains("refused") }
            ?? "\(error)".contains("refused")
        return "dial tcp \(host):\(port): connect: " + (isRefused ? "connection refused" : "\(error)")
    }
}

private struct ProbeTimeout: Error {}

/// Waits for the head of a response.
private final class ProbeResponseHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let status: EventLoopPromise<Int>

    init(_ status: EventLoopPromise<Int>) {
        self.status = status
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data), head.status.code >= 200 {
            status.succeed(Int(head.status.code))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        status.fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        status.fail(error)
        context.close(promise: nil)
    }
}
