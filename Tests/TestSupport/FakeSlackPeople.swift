import Crypto
import Foundation

extension FakeSlack {
    /// What somebody did in Slack: a button or a command, which the app is told of.
    package struct Interaction: Sendable {
        package enum Kind: String, Sendable {
            /// As Socket Mode calls them.
            case command = "slash_commands"
            case button = "interactive"
        }

        package var kind: Kind
        package var person: Person
        /// A JSON object: the form's fields, or what is in its field `payload`.
        package var payload: String
        /// The body of the request.
        package var body: String
        package var responseURL: String

        package var path: String { kind == .command ? "/slack/commands" : "/slack/actions" }
    }

    /// Where an answer to an interaction goes.
    struct ResponseAddress {
        var person: Person
        var channel: String
        /// The message with the button.
        var message: Message?
        var made: Date
        var uses = 0
    }

    package struct NoSuchButton: Error, CustomStringConvertible {
        package var description: String
    }

    /// Somebody presses a button that the newest edit of a message has.
    package func press(_ action: String, in message: Message, by person: Person) throws -> Interaction {
        guard let current = current(message) else { throw NoSuchButton(description: "\(message) is gone") }
        guard let button = current.button(action) else {
            throw NoSuchButton(description: "\(current) has no button \(action)")
        }
        return press(button, in: current, by: person)
    }

    /// Somebody presses a button that may be gone meanwhile: their screen is older than the newest edit.
    package func press(_ button: Button, in message: Message, by person: Person) -> Interaction {
        let channel = channels.first { $0.id == message.channel }
        let responseURL = address(for: person, in: message.channel, message)
        var action: JSONObject = [
            "type": "button", "action_id": button.action, "block_id": button.block,
            "text": ["type": "plain_text", "text": button.text, "emoji": true] as JSONObject,
            "action_ts": nextTimestamp(),
        ]
        if let value = button.value { action["value"] = value }
        if let style = button.style { action["style"] = style }
        var shown: JSONObject = [
            "type": "message", "ts": message.timestamp, "text": message.text, "app_id": message.app, "team": app.team,
            "bot_id": "B0BOT4567", "user": "U0BOT4567",
        ]
        if let blocks = message.newest.blocks {
            shown["blocks"] = try? JSONSerialization.jsonObject(with: Data(blocks.utf8))
        }
        let payload = SlackCall.json(
            [
                "type": "block_actions", "team": ["id": app.team, "domain": "acme"],
                "user": ["id": person.id, "username": person.name, "name": person.name, "team_id": person.team],
                "api_app_id": app.id, "token": "Shh_its_a_seekrit",
                "container": [
                    "type": "message", "message_ts": message.timestamp, "channel_id": message.channel,
                    "is_ephemeral": false,
                ] as JSONObject,
                "trigger_id": "12466734323.1395872398.\(UUID().uuidString)", "enterprise": NSNull(),
                "is_enterprise_install": false,
                "channel": ["id": message.channel, "name": channel?.name ?? ""], "message": shown,
                "state": ["values": [:] as JSONObject], "response_url": responseURL, "actions": [action],
            ] as JSONObject)
        return Interaction(
            kind: .button, person: person, payload: payload, body: Form.encoded([("payload", payload)]),
            responseURL: responseURL)
    }

    /// What a program gets of a text that somebody types: https://docs.slack.dev/messaging/formatting-message-text#escaping
    static func typed(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    /// Somebody types the app's command and this after it, escaped as Slack does.
    package func type(_ text: String, by person: Person, in channel: String = "deploys") -> Interaction {
        let channel = channels.first { $0.name == channel || $0.id == channel }
        let responseURL = address(for: person, in: channel?.id ?? "", nil)
        let fields = [
            ("token", "Shh_its_a_seekrit"), ("team_id", person.team), ("team_domain", "acme"),
            ("channel_id", channel?.id ?? ""), ("channel_name", channel?.name ?? ""), ("user_id", person.id),
            ("user_name", person.name), ("command", app.command), ("text", Self.typed(text)), ("api_app_id", app.id),
            ("is_enterprise_install", "false"), ("response_url", responseURL),
            ("trigger_id", "13345224609.738474920.\(UUID().uuidString)"),
        ]
        return Interaction(
            kind: .command, person: person, payload: SlackCall.json(Dictionary(fields) { $1 }),
            body: Form.encoded(fields), responseURL: responseURL)
    }

    /// The headers with which Slack sends a body: https://docs.slack.dev/authentication/verifying-requests-from-slack
    package nonisolated func headers(for body: String, at date: Date = Date()) -> [String: String] {
        let timestamp = String(Int(date.timeIntervalSince1970))
        let key = SymmetricKey(data: Data(app.signingSecret.utf8))
        let code = HMAC<SHA256>.authenticationCode(for: Data("v0:\(timestamp):\(body)".utf8), using: key)
        let digits = code.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        return [
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": "v0=" + digits,
        ]
    }

    /// How long an answer may take. Slack gives an app 3 s, on a machine of its own; this one runs many tests at the same time. That the
    /// answer waits for nothing but the journal is shown where everything else is held up.
    private static let answerLimit = Duration.seconds(300)

    /// What the app answered an interaction with at once: status 200, and maybe something to show.
    package func answered(_ interaction: Interaction, status: Int, body: String, after time: Duration = .zero) {
        guard status == 200 else { return note(mistake: "\(interaction.path) answered \(status): \(body)") }
        if time > Self.answerLimit { note(mistake: "\(interaction.path) answered after \(time): operation_timeout") }
        acknowledged(interaction, body)
    }

    /// What the app acknowledged an interaction with: nothing, or something to show.
    package func acknowledged(_ interaction: Interaction, _ body: String) {
        guard !body.isEmpty, let address = responses[interaction.responseURL] else { return }
        let object = (try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? JSONObject) ?? ["text": body]
        guard !object.isEmpty else { return }
        do throws(SlackRefusal) {
            try show(object, address)
        } catch {
            note(mistake: "\(interaction.path): \(error.code) \(error.messages)")
        }
    }

    /// Sends what somebody did over Socket Mode, and returns when the app has acknowledged it.
    package func send(_ interaction: Interaction, over socket: FakeSlackSocket) async throws {
        let id = UUID().uuidString
        let sent = ContinuousClock.now
        guard try await socket.send(id, type: interaction.kind.rawValue, payload: interaction.payload) != nil else {
            return note(mistake: "Socket Mode: no connection is open")
        }
        await socket.wait(forAcknowledgement: id)
        let took = sent.duration(to: .now)
        if took > Self.answerLimit { note(mistake: "Socket Mode: acknowledged after \(took)") }
        let text = await socket.acknowledgements.first { $0.envelope == id }?.text ?? ""
        let message = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? JSONObject
        acknowledged(interaction, message?["payload"].map(SlackCall.json) ?? "")
    }

    private func address(for person: Person, in channel: String, _ message: Message?) -> String {
        let kind = message == nil ? "commands" : "actions"
        let url = "\(baseURL)/hooks/\(kind)/\(app.team)/\(responses.count + 1)/\(UUID().uuidString)"
        responses[url] = ResponseAddress(person: person, channel: channel, message: message, made: time)
        return url
    }

    /// An answer that comes later: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
    func respond(_ request: Received) async -> Reply {
        let url = baseURL + request.path
        guard request.method == "POST", var address = responses[url] else { return .text("no_service", status: 404) }
        if time.timeIntervalSince(address.made) > 1800 {
            note(mistake: "response_url: used after 30 minutes")
            return .json(["ok": false, "error": "expired_url"], status: 404)
        }
        if address.uses >= 5 {
            note(mistake: "response_url: used more than 5 times")
            return .json(["ok": false, "error": "used_url"], status: 404)
        }
        guard let body = request.jsonBody(orCharset: true) else {
            note(mistake: "response_url: no JSON")
            return .text("invalid_payload", status: 400)
        }
        address.uses += 1
        responses[url] = address
        do throws(SlackRefusal) {
            try show(body, address)
            return .text("ok")
        } catch {
            note(mistake: "response_url: \(error.code) \(error.messages)")
            return .json(["ok": false, "error": error.code], status: error.code == "no_text" ? 500 : 400)
        }
    }

    private func show(_ body: JSONObject, _ address: ResponseAddress) throws(SlackRefusal) {
        let call = SlackCall(body)
        let type = call["response_type"] ?? "ephemeral"
        guard ["ephemeral", "in_channel"].contains(type) else { throw SlackRefusal("invalid_response_type") }
        if call.isTrue("delete_original") {
            if let message = address.message { delete(message) }
            return
        }
        let version = try version(call, "response_url")
        if call.isTrue("replace_original"), let message = address.message { return replace(message, by: version) }
        var message = Message(
            channel: address.channel, timestamp: nextTimestamp(), thread: call["thread_ts"], app: app.id,
            versions: [version])
        if type == "ephemeral" { message.onlyFor = address.person }
        append(message)
    }
}

extension Received {
    /// The body as a JSON object, also with a charset in its type.
    func jsonBody(orCharset: Bool) -> JSONObject? {
        guard header("Content-Type")?.hasPrefix("application/json") == true else { return nil }
        return try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? JSONObject
    }
}
