import Foundation
import Integrations
import Testing
import ViridianConfiguration

/// A request of a sender from `Tests/Deliveries`, and what is to be read of it.
struct RecordedDelivery: Sendable, CustomTestStringConvertible {
    var sender: HookSender
    var name: String
    var request: HookRequest
    var reading: HookReading

    var testDescription: String { "\(sender) \(name)" }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Deliveries")

    static func all() throws -> [RecordedDelivery] {
        try HookSender.allCases.flatMap { sender in
            let files = try FileManager.default.contentsOfDirectory(
                at: folder.appending(path: sender.rawValue), includingPropertiesForKeys: nil)
            return try files.filter { $0.pathExtension == "json" && !$0.path.hasSuffix(".expected.json") }
                .sorted { $0.path < $1.path }
                .map { try RecordedDelivery(sender, body: $0) }
        }
    }

    private init(_ sender: HookSender, body file: URL) throws {
        let companion = file.deletingPathExtension().appendingPathExtension("expected.json")
        let expected = try JSONDecoder().decode(Expected.self, from: Data(contentsOf: companion))
        var body = [UInt8](try Data(contentsOf: file))
        if expected.encoding == "form" { body = Array("payload=".utf8) + Self.percentEncoded(body) }
        self.sender = sender
        name = file.deletingPathExtension().lastPathComponent
        request = HookRequest(headers: expected.headers, query: expected.query ?? [:], body: body)
        reading = HookReading(
            key: expected.key, kind: expected.kind, events: expected.events, ignored: expected.ignored)
    }

    private struct Expected: Decodable {
        var headers: [String: String]
        var query: [String: String]?
        var encoding: String?
        var kind: String
        var key: String?
        var events: [HookEvent]
        var ignored: [String]
    }

    private static func percentEncoded(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { byte -> [UInt8] in
            if byte == UInt8(ascii: " ") { return [UInt8(ascii: "+")] }
            if Character(Unicode.Scalar(byte)).isLetter, byte < 0x80 { return [byte] }
            return Array(String(format: "%%%02X", Int(byte)).utf8)
        }
    }
}

extension RecordedDelivery {
    /// The request as its sender makes it with this secret: signed, where the sender signs.
    func request(with secret: String) -> HookRequest {
        var request = request
        switch sender {
        case .registry: request.headers["authorization"] = "Bearer " + secret
        case .harbor: request.headers["authorization"] = secret
        case .gitlab: request.headers["x-gitlab-token"] = secret
        case .quay: request.query["secret"] = secret
        case .github, .gitea:
            let digits = HMACSignature(Secret(secret))?.sign(request.body) ?? ""
            request.headers["x-hub-signature-256"] = "sha256=" + digits
            if sender == .gitea {
                let name = request.headers["x-forgejo-event"] == nil ? "x-gitea-signature" : "x-forgejo-signature"
                request.headers[name] = digits
            }
        }
        return request
    }
}

extension HooksConfiguration {
    /// The same secret for every sender.
    init(everySender secret: String) {
        let secret = Secret(secret)
        self.init(
            registry: secret, harbor: secret, gitlab: GitLabHook(secret: secret), github: secret, gitea: secret,
            quay: secret)
    }
}
