import Foundation
import Processes

/// Python's `hmac`, which signs and verifies what senders sign (`Tests/Oracles/webhook-signatures.py`).
enum SignatureOracle {
    struct Case: Encodable, Sendable {
        /// `hex`, `token` or `standard`.
        var scheme: String
        var secret: String
        var body: Data
        var header: String?
        var prefix: String?
        var id: String?
        var timestamp: String?
        /// Seconds since 1970.
        var now: Int64?
        /// What is to be verified.
        var headers: [String: String]?
    }

    static var isThere: Bool {
        get async { (try? await Command("python3", ["-c", ""]).run(deadline: .seconds(600)).succeeded) ?? false }
    }

    /// The headers of each signed case.
    static func sign(_ cases: [Case]) async throws -> [[String: String]] { try await ask(cases) }

    /// Whether each case's headers are right.
    static func verify(_ cases: [Case]) async throws -> [Bool] { try await ask(cases) }

    private static func ask<Answer: Decodable>(_ cases: [Case]) async throws -> [Answer] {
        let program = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Oracles/webhook-signatures.py").path
        let input = String(decoding: try JSONEncoder().encode(["cases": cases]), as: UTF8.self)
        let result = try await Command("python3", [program], input: input).run(
            deadline: .seconds(600), keeping: 16 << 20)
        guard result.succeeded else { throw Failed(words: result.error) }
        let answers = try JSONDecoder().decode([String: [Answer]].self, from: Data(result.output.utf8))["answers"] ?? []
        guard answers.count == cases.count else { throw Failed(words: "\(answers.count) answers") }
        return answers
    }

    struct Failed: Error, CustomStringConvertible {
        var words: String
        var description: String { "python3: \(words)" }
    }
}
