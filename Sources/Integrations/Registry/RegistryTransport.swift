import Foundation
import HTTPTransport
import Synchronization
import ViridianConfiguration

/// The connections to a registry and to the hosts that it names: token servers, the storage of its blobs.
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

    /// Asks the registry itself.
    func send(_ request: HTTPConnection.Request) async throws(RegistryError) -> HTTPConnection.Response {
        try await send(request, through: connection(), server: address.host)
    }

    /// Asks a host that the registry named. It is sent nothing but what is in the request.
    func send(
        _ request: HTTPConnection.Request, to place: WebAddress, server: String
    ) async throws(RegistryError) -> HTTPConnection.Response {
        do {
            return try await send(request, to: place, trust: authorities(), server: server)
        } catch let error where error.kind == .tls && configuration.ca != nil {
            // The registry may have the company's certificate and the host a public one.
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
        // Once more only where the connection broke, as an idle one may: an answer is an answer.
        request.retry = RetryPolicy(attempts: 2, statuses: [], refusals: [])
        do {
            return try await connection.send(request)
        } catch {
            throw RegistryError(error, host: address.host, server: server)
        }
    }

    // MARK: - Opening

    /// The connection to the registry, opened when it is first needed: until then its configuration is not looked at.
    private func connection() throws(RegistryError) -> HTTPConnection {
        try state.withLock { state throws(RegistryError) in
            guard !state.isShutDown else {
                throw RegistryError(.cancelled, host: address.host, "the question to \(address.host) was given up")
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
            throw RegistryError(.configuration, host: address.host, "\(address.host) cannot be asked: \(error)")
        }
    }

    private func authorities() throws(RegistryError) -> TLSIdentity.Trust {
        guard let path = configuration.ca else { return .system }
        guard let pem = FileManager.default.contents(atPath: path) else {
            throw RegistryError(
                .configuration, host: address.host,
                "the certificate authorities of \(address.host) cannot be read from \(path)")
        }
        return .authorities(pem)
    }
}
