import Foundation
import HTTPTransport

/// The parts of the process and the machine that decide how AWS is reached; tests replace them.
package struct AWSEnvironment: Sendable {
    package var environment: [String: String]
    package var homeDirectory: String
    package var now: @Sendable () -> Date
    /// Waits between attempts.
    package var pause: @Sendable (Duration) async throws -> Void
    /// Runs a program without a shell and returns its standard output; for a profile's `credential_process`.
    package var run: (@Sendable (_ arguments: [String]) async throws -> String)?
    package var limits = TimeLimits()

    /// How long services may take.
    package struct TimeLimits: Sendable {
        package var connect: Duration = .seconds(5)
        package var answer: Duration = .seconds(20)
        package var containerConnect: Duration = .seconds(2)
        /// Short, because a metadata service that is missing shows only as a timeout. An open connection gets more time.
        package var instanceConnect: Duration = .seconds(1)
        /// Of the container's endpoint and of the instance's metadata.
        package var metadataAnswer: Duration = .seconds(5)

        package init() {}
    }

    /// `homeDirectory` defaults to `HOME`, or else to the account's home directory.
    package init(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        homeDirectory: String? = nil,
        now: @escaping @Sendable () -> Date = { Date() },
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        run: (@Sendable (_ arguments: [String]) async throws -> String)? = nil
    ) {
        self.environment = environment
        self.homeDirectory =
            homeDirectory ?? environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? NSHomeDirectory()
        self.now = now
        self.pause = pause
        self.run = run
    }

    /// The value of a variable; nil when unset or empty.
    func variable(_ name: String) -> String? {
        guard let value = environment[name], !value.isEmpty else { return nil }
        return value
    }

    /// Expands a leading `~/` to the home directory.
    func path(_ text: String) -> String {
        text.hasPrefix("~/") ? homeDirectory + text.dropFirst() : text
    }

    /// The trusted authorities for https endpoints: this machine's, or those in `$AWS_CA_BUNDLE`.
    func trust() throws -> TLSIdentity {
        guard let file = variable("AWS_CA_BUNDLE") else { return .system }
        guard let authorities = FileManager.default.contents(atPath: path(file)) else {
            throw AWSSetupError("AWS_CA_BUNDLE names \(file), which cannot be read")
        }
        return TLSIdentity(trust: .authorities(authorities))
    }
}

/// A setting of this machine that prevents access to AWS.
package struct AWSSetupError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

extension AWSEnvironment {
    private func proxy(for url: String) throws(AWSSetupError) -> ProxyServer? {
        let host = URLComponents(string: url)?.host?.trimmingCharacters(in: ["[", "]"]).lowercased() ?? ""
        guard !host.hasPrefix("169.254."), !host.hasPrefix("fd00:ec2:") else { return nil }
        do {
            return try ProxyEnvironment(environment).proxy(for: url)
        } catch {
            throw AWSSetupError("AWS cannot be reached through the proxy: \(error)")
        }
    }

    /// Opens connections that live as long as the body: inventories are read seconds or hours apart.
    ///
    /// They use the environment's proxy, except `plain` ones and those to link-local metadata addresses, where the proxy's
    /// machine would return its own credentials.
    func connected<Value: Sendable>(
        to url: String, connectTimeout: Duration? = nil, plain: Bool = false,
        _ body: (HTTPConnection) async throws -> Value
    ) async throws -> Value {
        let proxy = plain ? nil : try proxy(for: url)
        let connection = try HTTPConnection(
            baseURL: url, tls: plain ? .system : try trust(), proxy: proxy,
            connectTimeout: connectTimeout ?? limits.connect, pause: pause)
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
