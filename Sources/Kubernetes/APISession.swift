import Foundation
import HTTPTransport

/// The connections of a client and the credentials of its calls.
actor APISession {
    /// The connections and credentials for one call.
    struct CallContext: Sendable {
        var connection: HTTPConnection
        var watches: HTTPConnection
        var authorization: String?
        var impersonation: Impersonation?
        /// The generation of the exec plugin's credentials.
        var generation: Int?
        /// Whether reading the credentials again may give different ones.
        var isRenewable: Bool
    }

    /// The server ends a watch after this time; a watch that is silent for `watchSilence` has lost its connection.
    static let watchDuration: Duration = .seconds(60)
    private static let watchSilence: Duration = .seconds(90)

    nonisolated let access: ClusterAccess
    private let pause: @Sendable (Duration) async throws -> Void
    private var connections: Connections?
    /// The connections with the previous client certificate, whose calls may still be in progress.
    private var previous: Connections?
    private var isShutDown = false

    private struct Connections {
        var certificate: TLSIdentity.ClientCertificate?
        var calls: HTTPConnection
        var watches: HTTPConnection

        func shutdown() async {
            await calls.shutdown()
            await watches.shutdown()
        }
    }

    init(_ access: ClusterAccess, pause: @escaping @Sendable (Duration) async throws -> Void) {
        self.access = access
        self.pause = pause
    }

    /// Connections and credentials for one call.
    /// - Throws: `CredentialError` when the credentials cannot be obtained.
    func context() async throws -> CallContext {
        var authorization: String?
        var generation: Int?
        var isRenewable = false
        var certificate = access.tls.clientCertificate
        switch access.credential {
        case .none:
            break
        case .token(let token):
            authorization = "Bearer \(token)"
        case .basic(let username, let password):
            authorization = "Basic " + Data("\(username):\(password)".utf8).base64EncodedString()
        case .tokenFile(let path):
            authorization = "Bearer " + (try Self.token(in: path, origin: access.origin))
            isRenewable = true
        case .exec(let credentials):
            let current = try await credentials.current()
            authorization = current.output.token.map { "Bearer \($0)" }
            generation = current.generation
            isRenewable = true
            certificate = current.output.certificate ?? certificate
        }
        let connections = try await connections(for: certificate)
        return CallContext(
            connection: connections.calls, watches: connections.watches, authorization: authorization,
            impersonation: access.impersonation, generation: generation, isRenewable: isRenewable)
    }

    /// Drops the credentials of a context after a 401.
    func discard(_ context: CallContext) async {
        if case .exec(let credentials) = access.credential, let generation = context.generation {
            await credentials.discard(generation)
        }
    }

    func shutdown() async {
        isShutDown = true
        let ending = [connections, previous]
        connections = nil
        previous = nil
        for connections in ending { await connections?.shutdown() }
    }

    private func connections(for certificate: TLSIdentity.ClientCertificate?) async throws -> Connections {
        if let connections, connections.certificate == certificate { return connections }
        guard !isShutDown else { throw TransportError(.shutDown, server: access.server) }
        var tls = access.tls
        tls.clientCertificate = certificate
        let fresh = Connections(
            certificate: certificate,
            calls: try HTTPConnection(baseURL: access.server, tls: tls, proxy: access.proxy, pause: pause),
            watches: try HTTPConnection(
                baseURL: access.server, tls: tls, proxy: access.proxy, streamIdleLimit: Self.watchSilence, pause: pause)
        )
        let oldest = previous
        previous = connections
        connections = fresh
        await oldest?.shutdown()
        return fresh
    }

    private static func token(in path: String, origin: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CredentialError("\(origin): the token file \(path) cannot be read")
        }
        let token = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty else { throw CredentialError("\(origin): the token file \(path) is empty") }
        return token
    }
}
