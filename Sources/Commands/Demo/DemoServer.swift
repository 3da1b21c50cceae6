import ArgumentParser
import Controller
import Foundation
import Journal
import Logging
import Server
import ViridianConfiguration

/// The demo's server: its pages, and a token to sign in.
enum DemoServer {
    /// Runs the server while `body` runs; if the demo has no port for pages, runs only `body`.
    static func with<Value: Sendable>(
        _ demo: DemoEnvironment,
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        guard let port = demo.pagePort else { return try await body() }
        return try await Installation.open(config: demo.configurationFile, connecting: true) { installation in
            let (_, token) = try await TokenIssuer(journal: installation.journal).create(
                name: (try? TokenName(caller()).text) ?? "demo", role: .admin, by: caller(),
                origin: RequestOrigin.commandLine.origin, at: SystemClock().now)
            var settings = ServerSettings(
                listen: ListenAddress(host: "127.0.0.1", port: port), version: Viridian.version)
            // Shorter than the default, so that drift from manual edits shows soon.
            settings.checkInterval = .seconds(5)
            let services = try await Services(
                apps: ServedInstallation(installation: installation),
                journal: installation.journal,
                settings: settings,
                logger: StandardErrorLog.logger(isJSON: false, level: .error)
            )
            return try await serve(services) { port in
                printLine("  Pages:     http://127.0.0.1:\(port)/")
                printLine("  Token:     \(token.text)")
                printLine("  Sign in:   http://127.0.0.1:\(port)/signin#\(token.text)")
                return try await body()
            }
        }
    }

    private static func serve<Value: Sendable>(
        _ services: Services,
        _ body: @escaping @Sendable (Int) async throws -> Value
    ) async throws -> Value {
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        let server = WebServer(services) { port in listening.yield(port) }
        return try await withThrowingTaskGroup(of: Void.self, returning: Value.self) { group in
            group.addTask {
                defer { listening.finish() }
                try await server.run()
            }
            defer { group.cancelAll() }
            for await port in ports { return try await body(port) }
            // The server ended before it listened: this throws its error.
            try await group.next()
            throw Refusal("the demo's server ended before it listened")
        }
    }
}
