import Crypto
import Foundation
import TestSupport

/// A token server that docker-registry believes: https://distribution.github.io/distribution/spec/auth/jwt/
///
/// `ci` may read and write everything, everybody may read what begins with `public/`.
struct TokenServer: Sendable {
    private let key: P256.Signing.PrivateKey
    /// The certificate, DER in base64.
    private let certificate: String
    var validity = 300

    init(_ files: LoopbackCertificate) throws {
        key = try .init(pemRepresentation: String(contentsOfFile: files.key, encoding: .utf8))
        certificate = try String(contentsOfFile: files.certificate, encoding: .utf8)
            .split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined()
    }

    /// Lines for docker-registry's configuration.
    static func configuration(realm: String, _ files: LoopbackCertificate) -> [String] {
        [
            "auth:", "  token:", "    realm: \(realm)", "    service: registry-for-tests", "    issuer: tests",
            "    rootcertbundle: \(files.certificate)",
        ]
    }

    func answer(_ request: Received) throws -> Reply {
        let authorization = request.headers["authorization"]
        guard authorization == nil || authorization == basicAuthorization else { return Reply(status: 401) }
        guard request.query["service"] == "registry-for-tests" else { return Reply(status: 400) }
        // repository:blog:pull,push
        let scope = (request.query["scope"] ?? "").split(separator: ":").map(String.init)
        var access: [Access] = []
        if scope.count == 3, authorization != nil || scope[1].hasPrefix("public/") {
            let actions = scope[2].split(separator: ",").map(String.init)
            access = [
                Access(type: scope[0], name: scope[1], actions: authorization == nil ? ["pull"] : actions)
            ]
        }
        let now = Int(Date().timeIntervalSince1970)
        let claims = Claims(
            sub: authorization == nil ? "" : "ci", exp: now + validity, nbf: now - 60, iat: now,
            jti: UUID().uuidString, access: access)
        let signed = try [json(Header(x5c: [certificate])), json(claims)].map(Self.base64URL).joined(separator: ".")
        let signature = try key.signature(for: Data(signed.utf8)).rawRepresentation
        let token = signed + "." + Self.base64URL(signature)
        return .text(#"{"token":"\#(token)","expires_in":\#(validity)}"#)
    }

    private func json(_ value: some Encodable) throws -> Data { try JSONEncoder().encode(value) }

    private static func base64URL(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private struct Header: Encodable {
        var typ = "JWT"
        var alg = "ES256"
        var x5c: [String]
    }

    private struct Access: Encodable {
        var type: String
        var name: String
        var actions: [String]
    }

    private struct Claims: Encodable {
        var iss = "tests"
        var sub: String
        var aud = "registry-for-tests"
        var exp: Int
        var nbf: Int
        var iat: Int
        var jti: String
        var access: [Access]
    }
}
