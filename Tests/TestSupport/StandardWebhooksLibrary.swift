import Foundation
import Processes

/// The library standardwebhooks for Python, as receivers use it (`Tests/Oracles/standard-webhooks.py`).
package enum StandardWebhooksLibrary {
    package struct Case: Encodable, Sendable {
        package var secret: String
        package var body: String
        package var headers: [String: String]

        package init(secret: String, body: String, headers: [String: String]) {
            self.secret = secret
            self.body = body
            self.headers = headers
        }
    }

    package static let reason =
        "neither .build/python nor PATH has a python3 with standardwebhooks (script/bootstrap installs it)"

    private static let module = "standardwebhooks.webhooks"

    package static var isThere: Bool {
        get async { await Python.find(module) != nil }
    }

    /// Whether a receiver accepts each message now.
    package static func accepts(_ cases: [Case]) async throws -> [Bool] {
        guard let python = await Python.find(module) else { throw Failed(description: reason) }
        let input = String(decoding: try JSONEncoder().encode(["cases": cases]), as: UTF8.self)
        let result = try await Command(python, [Python.oracle("standard-webhooks.py")], input: input)
            .run(deadline: .seconds(120), keeping: 8 << 20)
        guard result.succeeded else { throw Failed(description: "python3: \(result.error)") }
        let answers = try JSONDecoder().decode([String: [Bool]].self, from: Data(result.output.utf8))["answers"] ?? []
        guard answers.count == cases.count else { throw Failed(description: "\(answers.count) answers") }
        return answers
    }

    package struct Failed: Error, CustomStringConvertible {
        package var description: String
    }
}
