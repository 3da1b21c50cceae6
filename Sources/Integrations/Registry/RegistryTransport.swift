import Foundation
import HTTPTransport
import Synchronization
import ViridianConfiguration

/// The connections to a registry and to the hosts that it refers to: token servers, the storage of its blobs.
final class RegistryTransport: Sendable {
    let address: RegistryAddress
    private let configuration: RegistryConfiguration
    private let environment: [String: String]
    private let deadline: Duration
    private let state = Mutex(State())

    private struct State {
        var connection: HTTPConnection?
        var isShutDown = false
    }

    /// `deadline` is for each call; `environment` names the proxies.
    init(_ configuration: RegistryConfiguration, deadline: Duration, environment: [String: String]) {
        self.configuration = configuration
        self.deadline = deadline
        self.environment = environment
        address = RegistryAddress(configuration)
    }

    func shutdown() async {
        let connection = state.withLock { state in
            defer { state.connection = nil }
            state.isShutDown = true
            return state.connection
        }
        await connection?.shutdown()
    }

    /// Sends a request to the registry itself.
    func send(_ request: HTTPConnection.Request) async throws(RegistryError) -> HTTPConnection.Response {
        try await send(request, through: connection(), server: address.host)
    }

    /// Sends a request to a host that the registry refers to.
    func send(
        _ request: HTTPConnection.Request, to place: WebAddress, server: String
    ) async throws(RegistryError) -> HTTPConnection.Response {
        do {
            return try await send(request, to: place, trust: authorities(), server: server)
        } catch let error where error.kind == .tls && configuration.ca != nil {
            // The registry may have a private certificate and the other host a public one.
            return try await send(request, to: place, trust: .system, server: server)
        }
    }

    private func send(
        _ request: HTTPConnection.Request, to place: WebAddress, trust: TLSIdentity.Trust, server: String
    ) async throws(RegistryError) -> HTTPConnection.Response {
        let connection = try open(place.origin, trust)
        do throws(RegistryError) {
            var request = request
            request.path = place.path
            let answer = try await send(request, through: connection, server: server)
            await connection.shutdown()
            return answer
        } catch {
            await connection.shutdown()
            throw error
        }
    }

    private func send(
        _ request: HTTPConnection.Request, through connection: HTTPConnection, server: String
    ) async throws(RegistryError) -> HTTPConnection.Response {
        var request = request
        request.headers["User-Agent"] = "viridian"
        request.deadline = deadline
        // Retried once where there was no response: an idle connection may have been closed. Responses are never retried.
        request.retry = RetryPolicy(attempts: 2, statuses: [], refusals: [])
        do {
            return try await connection.send(request)
        } catch {
            throw RegistryError(error, host: address.host, server: server)
        }
    }

    // MARK: - Opening

    /// The connection to the registry, created for the first request, and after a failure for the next one.
    private func connection() throws(RegistryError) -> HTTPConnection {
        try state.withLock { state throws(RegistryError) in
            guard !state.isShutDown else {
                throw RegistryError(.cancelled, host: address.host, "the request to \(address.host) was cancelled")
            }
            if let connection = state.connection { return connection }
            let connection = try open(address.url, authorities())
            state.connection = connection
            return connection
        }
    }

    private func open(_ url: String, _ trust: TLSIdentity.Trust) throws(RegistryError) -> HTTPConnection {
        do {
            return try HTTPConnection(
                baseURL: url, tls: TLSIdentity(trust: trust), proxy: ProxyEnvironment(environment).proxy(for: url),
                connectionLimit: 8, connectTimeout: deadline)
        } catch {
            throw RegistryError(.configuration, host: address.host, "\(address.host) cannot be reached: \(error)")
        }
    }

    private func authorities() throws(RegistryError) -> TLSIdentity.Trust {
        guard let path = configuration.ca else { return .system }
        guard let pem = FileManager.default.contents(atPath: path) else {
            throw RegistryError(
                .configuration, host: address.host,
                "the certificate authorities for \(address.host) cannot be read from \(path)")
        }
        return .authorities(pem)
    }
}
