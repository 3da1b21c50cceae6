import Foundation
import HTTPTransport

/// What of this machine and process has a say in how AWS is reached; other values than the real ones are for tests.
package struct AWSSurroundings: Sendable {
    package var environment: [String: String]
    package var homeDirectory: String
    package var now: @Sendable () -> Date
    /// How to wait between attempts.
    package var pause: @Sendable (Duration) async throws -> Void
    /// Runs a program without a shell and returns what it printed; for a profile's `credential_process`.
    package var run: (@Sendable (_ words: [String]) async throws -> String)?

    /// `homeDirectory` is `HOME`, as for every other tool, or else the account's.
    package init(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        homeDirectory: String? = nil,
        now: @escaping @Sendable () -> Date = { Date() },
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        run: (@Sendable (_ words: [String]) async throws -> String)? = nil
    ) {
        self.environment = environment
        self.homeDirectory =
            homeDirectory ?? environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? NSHomeDirectory()
        self.now = now
        self.pause = pause
        self.run = run
    }

    /// A variable that is set to something.
    func variable(_ name: String) -> String? {
        guard let value = environment[name], !value.isEmpty else { return nil }
        return value
    }

    /// A path with `~` for the home directory.
    func path(_ text: String) -> String {
        text.hasPrefix("~/") ? homeDirectory + text.dropFirst() : text
    }

    /// Whom an https endpoint must be: a certificate of this machine's authorities, or of those in `$AWS_CA_BUNDLE`.
    func trust() throws -> TLSIdentity {
        guard let file = variable("AWS_CA_BUNDLE") else { return .system }
        guard let authorities = FileManager.default.contents(atPath: path(file)) else {
            throw AWSSetupError("AWS_CA_BUNDLE names \(file), which cannot be read")
        }
        return TLSIdentity(trust: .authorities(authorities))
    }
}

/// A setting of this machine that AWS cannot be reached with.
package struct AWSSetupError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

extension AWSSurroundings {
    private func proxy(for url: String) throws(AWSSetupError) -> ProxyServer? {
        let host = URLComponents(string: url)?.host?.trimmingCharacters(in: ["[", "]"]).lowercased() ?? ""
        guard !host.hasPrefix("169.254."), !host.hasPrefix("fd00:ec2:") else { return nil }
        do {
            return try ProxyEnvironment(environment).proxy(for: url)
        } catch {
            throw AWSSetupError("AWS cannot be reached through a proxy: \(error)")
        }
    }

    /// Makes calls over connections that live as long as the body: inventories are read seconds or hours apart.
    ///
    /// They go through the environment's proxy, except `plain` ones and those to addresses that mean something else on every
    /// machine: the proxy's machine would answer with its own credentials.
    func connected<Value: Sendable>(
        to url: String, connectTimeout: Duration = .seconds(5), plain: Bool = false,
        _ body: (HTTPConnection) async throws -> Value
    ) async throws -> Value {
        let proxy = plain ? nil : try proxy(for: url)
        let connection = try HTTPConnection(
            baseURL: url, tls: plain ? .system : try trust(), proxy: proxy, connectTimeout: connectTimeout, pause: pause
        )
        do {
            let value = try await body(connection)
            await connection.shutdown()
            return value
        } catch {
            await connection.shutdown()
            throw error
        }
    }
}
