import Foundation
import HTTPTransport
import ViridianConfiguration

extension RegistrySession {
    /// The Authorization header that a response with status 401 requires. `refused` is the one that led to this response.
    func authorize(
        _ repository: String, _ answer: HTTPConnection.Response, refused: Secret?
    ) async throws(RegistryError) -> Secret {
        let challenges = AuthenticationChallenge.all(in: answer.headers)
        if let bearer = challenges.first(where: { $0.scheme == "bearer" }) {
            let token = try await token(for: repository, bearer)
            remember(token, for: repository)
            return token.authorization
        }
        guard challenges.isEmpty || challenges.contains(where: { $0.scheme == "basic" }) else {
            throw RegistryError(
                .invalidAnswer, host: host, "\(host) requires an authentication scheme other than Basic and Bearer")
        }
        guard let credentials, credentials != refused else { throw refusal(of: repository) }
        rememberBasic()
        return credentials
    }

    /// Requests a token from the server that the registry names:
    /// https://distribution.github.io/distribution/spec/auth/token/
    private func token(
        for repository: String, _ challenge: AuthenticationChallenge
    ) async throws(RegistryError) -> Token {
        guard let realm = challenge.parameters["realm"].flatMap({ WebAddress($0) }) else {
            throw RegistryError(.invalidAnswer, host: host, "\(host) requires a token and names no valid token server")
        }
        guard realm.isSecure || !transport.address.usesTLS else {
            throw RegistryError(
                .insecure, host: host,
                "\(host) requires a token from \(realm.name) without TLS, which is not requested")
        }
        var parameters = [(name: "scope", value: challenge.parameters["scope"] ?? "repository:\(repository):pull")]
        if let service = challenge.parameters["service"] { parameters.insert(("service", service), at: 0) }
        let query = PercentEncoding.query(parameters)
        let path = realm.path + (realm.path.contains("?") ? "&" + query.dropFirst() : query)
        guard let place = WebAddress(realm.origin + path) else {
            throw RegistryError(.invalidAnswer, host: host, "\(host) requires a token and names no valid token server")
        }
        var request = HTTPConnection.Request("GET", path, largestBody: 1 << 20)
        request.headers["Authorization"] = credentials?.value
        let server = realm.name == host ? host : "\(realm.name) (token server of \(host))"
        let answer = try await transport.send(request, to: place, server: server)
        switch answer.status {
        case 200: break
        case 401, 403: throw refusal(of: repository, by: server)
        default: throw failure(answer, of: server)
        }
        guard let granted = try? JSONDecoder().decode(GrantedToken.self, from: answer.body), let text = granted.text
        else { throw RegistryError(.invalidAnswer, host: host, "\(server) returned no usable token") }
        return Token(authorization: Secret("Bearer " + text), until: now() + granted.usable)
    }
}

/// The response of a token server.
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

    /// How long it is used: a tenth less than it is valid. A token without a validity is valid for a minute.
    var usable: Duration { .seconds(min(max(validity ?? 60, 0), 86_400) * 0.9) }
}
