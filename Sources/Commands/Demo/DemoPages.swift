import ArgumentParser
import Controller
import Foundation
import Journal
import Logging
import Server
import ViridianConfiguration

/// The demo's server: its pages, and a token to sign in with.
enum DemoPages {
    /// Serves them while `body` runs; where the world has no port for them, runs `body` alone.
    static func with<Value: Sendable>(
        _ world: DemoWorld,
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        guard let port = world.pagePort else { return try await body() }
        return try await Installation.open(config: world.configurationFile, reachingOut: true) { installation in
            let (_, token) = try TokenOffice(journal: installation.journal).create(
                name: (try? TokenName(caller()).text) ?? "demo", role: .admin, by: caller(),
                origin: Provenance.commandLine.origin, at: SystemClock().now)
            var settings = ServerSettings(
                listen: ListenAddress(host: "127.0.0.1", port: port), version: Viridian.version)
            // Whoever plays with it edits nodes by hand, too.
            settings.lookInterval = .seconds(5)
            let services = try Services(
                apps: ServedInstallation(installation: installation),
                journal: installation.journal,
                settings: settings,
                logger: StandardErrorLog.logger(isJSON: false, level: .error)
            )
            return try await serve(services) { port in
                say("  The page:  http://127.0.0.1:\(port)/")
                say("  Sign in:   \(token.text)")
                say("  or open    http://127.0.0.1:\(port)/signin#\(token.text)")
                return try await body()
            }
        }
    }

    private static func serve<Value: Sendable>(
        _ services: Services,
        _ body: @escaping @Sendable (Int) async throws -> Value
    ) async throws -> Value {
        let (listening, told) = AsyncStream.makeStream(of: Int.self)
        let server = WebServer(services) { port in told.yield(port) }
        return try await withThrowingTaskGroup(of: Void.self, returning: Value.self) { group in
            group.addTask {
                defer { told.finish() }
                try await server.run()
            }
            defer { group.cancelAll() }
            for await port in listening { return try await body(port) }
            // It ended before it answered, and says why.
            try await group.next()
            throw Refusal("the demo's server ended before it answered")
        }
    }
}
