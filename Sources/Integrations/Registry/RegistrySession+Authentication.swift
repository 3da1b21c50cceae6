import Foundation
import HTTPTransport

extension RegistrySession {
    /// What has to be sent after a 401, as the answer demands it. `refused` was sent and led to this answer.
    func authorize(
        _ repository: String, _ answer: HTTPConnection.Response, refused: String?
    ) async throws(RegistryError) -> String {
        let challenges = AuthenticationChallenge.all(in: answer.headers)
        if let bearer = challenges.first(where: { $0.scheme == "bearer" }) {
            let token = try await token(for: repository, bearer)
            remember(token, for: repository)
            return token.authorization
        }
        guard challenges.isEmpty || challenges.contains(where: { $0.scheme == "basic" }) else {
            throw RegistryError(
                .invalidAnswer, host: host, "\(host) demands an authentication that is neither Basic nor Bearer")
        }
        guard let basic = credentials?.basic, basic != refused else { throw refusal(of: repository) }
        rememberBasic()
        return basic
    }

    /// Gets a token from the server that the registry names:
    /// https://distribution.github.io/distribution/spec/auth/token/
    private func token(
        for repository: String, _ challenge: AuthenticationChallenge
    ) async throws(RegistryError) -> Token {
        guard let realm = challenge.parameters["realm"].flatMap({ WebAddress($0) }) else {
            throw RegistryError(.invalidAnswer, host: host, "\(host) demands a token and does not say from where")
        }
        guard realm.isSecure || transport.address.url.hasPrefix("http://") else {
            throw RegistryError(
                .insecure, host: host,
                "\(host) demands a token from \(realm.name) without TLS, where no credentials are sent to")
        }
        var parameters = [(name: "scope", value: challenge.parameters["scope"] ?? "repository:\(repository):pull")]
        if let service = challenge.parameters["service"] { parameters.insert(("service", service), at: 0) }
        let query = PercentEncoding.query(parameters)
        let path = realm.path + (realm.path.contains("?") ? "&" + query.dropFirst() : query)
        guard let place = WebAddress(realm.origin + path) else {
            throw RegistryError(.invalidAnswer, host: host, "\(host) demands a token and does not say from where")
        }
        var request = HTTPConnection.Request("GET", path, largestBody: 1 << 20)
        request.headers["Authorization"] = credentials?.basic
        let server = realm.name == host ? host : "\(realm.name), which \(host) demands a token from,"
        let answer = try await transport.send(request, to: place, server: server)
        switch answer.status {
        case 200: break
        case 401, 403: throw refusal(of: repository, by: server)
        default: throw failure(answer, of: server)
        }
        guard let granted = try? JSONDecoder().decode(GrantedToken.self, from: answer.body), let text = granted.text
        else { throw RegistryError(.invalidAnswer, host: host, "\(server) answers with something that is no token") }
        return Token(authorization: "Bearer " + text, until: now() + granted.usable)
    }
}

/// The answer of a token server.
private struct GrantedToken: Decodable {
    var token: String?
    /// The same, by the name that OAuth 2.0 gives it.
    var accessToken: String?
    /// Seconds.
    var validity: Double?

    private enum CodingKeys: String, CodingKey { case token, accessToken = "access_token", validity = "expires_in" }

    /// `nil` for what cannot be a header's value.
    var text: String? {
        guard let text = token ?? accessToken, !text.isEmpty, text.utf8.count <= 65_536,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        return text
    }

    /// How long it is sent: a tenth less than it is valid, a minute where the server does not say.
    var usable: Duration { .seconds(min(max(validity ?? 60, 0), 86_400) * 0.9) }
}
