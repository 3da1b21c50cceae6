import Foundation
import Processes

/// Slack's own library for Python (`Tests/Oracles/slack-sdk.py`).
package enum SlackSDK {
    package enum Step: Sendable {
        /// A method of `WebClient`, such as `chat_postMessage`, with arguments as a JSON object.
        case call(String, _ arguments: String = "{}")
        /// A JSON object to the address for answers to an interaction.
        case respond(to: String, _ message: String)
        /// Is the body signed as Slack signs? At a moment in seconds since 1970, or now.
        case verify(secret: String, body: String, headers: [String: String], now: Int? = nil)
        /// The signature of a body, in the answer's `data`. The timestamp is that of the header.
        case sign(secret: String, body: String, timestamp: String)
        /// Are they blocks, as a JSON array?
        case blocks(String)
    }

    package struct Answer: Sendable {
        package var isRight: Bool
        package var error: String?
        package var status: Int?
        /// Seconds.
        package var retryAfter: Int?
        package var needed: String?
        /// Of the token, as the answer's header has them.
        package var scopes: String?
        /// What was answered, as JSON with sorted keys.
        package var data: String?

        /// A text in what was answered.
        package subscript(_ field: String) -> String? {
            guard let data, let object = try? JSONSerialization.jsonObject(with: Data(data.utf8)) as? JSONObject else {
                return nil
            }
            return object[field] as? String
        }
    }

    package static let reason =
        "neither .build/python nor PATH has a python3 with slack-sdk (script/bootstrap installs it)"

    package static var isThere: Bool {
        get async { await Python.find("slack_sdk.models.blocks") != nil }
    }

    /// Does the steps, in order.
    package static func run(
        _ steps: [Step], url: String = "http://127.0.0.1", token: String? = nil
    ) async throws -> [Answer] {
        guard let python = await Python.find("slack_sdk.models.blocks") else { throw Failed(description: reason) }
        var input: JSONObject = ["url": url, "steps": try steps.map(object)]
        input["token"] = token
        let result = try await Command(python, [Python.oracle("slack-sdk.py")], input: SlackCall.json(input))
            .run(deadline: .seconds(120), keeping: 8 << 20)
        guard result.succeeded,
            let output = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? JSONObject,
            let answers = output["answers"] as? [JSONObject], answers.count == steps.count
        else { throw Failed(description: "python3: \(result.error)") }
        return answers.map { answer in
            Answer(
                isRight: answer["ok"] as? Bool == true, error: answer["error"] as? String,
                status: answer["status"] as? Int, retryAfter: answer["retryAfter"] as? Int,
                needed: answer["needed"] as? String, scopes: answer["scopes"] as? String,
                data: (answer["data"] ?? answer["text"]).map {
                    $0 as? String ?? (JSONSerialization.isValidJSONObject($0) ? SlackCall.json($0) : "\($0)")
                })
        }
    }

    private static func object(_ step: Step) throws -> JSONObject {
        func value(_ text: String) throws -> Any { try JSONSerialization.jsonObject(with: Data(text.utf8)) }
        switch step {
        case .call(let method, let arguments):
            return ["do": "call", "method": method, "arguments": try value(arguments)]
        case .respond(let url, let message):
            return ["do": "respond", "to": url, "arguments": try value(message)]
        case .verify(let secret, let body, let headers, let now):
            var object: JSONObject = ["do": "verify", "secret": secret, "body": body, "headers": headers]
            object["now"] = now
            return object
        case .sign(let secret, let body, let timestamp):
            return ["do": "sign", "secret": secret, "body": body, "timestamp": timestamp]
        case .blocks(let blocks):
            return ["do": "blocks", "blocks": try value(blocks)]
        }
    }

    package struct Failed: Error, CustomStringConvertible {
        package var description: String
    }
}
