import Foundation

extension FakeSlack {
    package nonisolated func answer(_ request: Received) async -> Reply {
        let path = request.path.split(separator: "/").map(String.init)
        if path.first == "api", path.count == 2 { return await call(path[1], request) }
        if path.first == "hooks" { return await respond(request) }
        return .text("<html>Not found</html>", status: 404, headers: ["Content-Type": "text/html"])
    }

    private func call(_ method: String, _ request: Received) async -> Reply {
        let fault = nextFault(for: method)
        let refused: String? =
            switch fault {
            case .unreachable: "unreachable"
            case .html(let status): "html \(status)"
            case .tooMany: "429"
            case .refuses(let code): code
            default: nil
            }
        if let refused { calls.append((method, time, refused)) }
        switch fault {
        case .unreachable: return Reply(headers: ["Content-Type": "application/json"], steps: [.write("{"), .drop])
        case .html(let status): return .page(status)
        case .tooMany(let seconds): return .tooMany(seconds)
        case .refuses(let code): return .json(["ok": false, "error": code])
        case .slow(let duration):
            let reply = await act(method, request)
            let answer = Task { _ = try? await Task.sleep(for: duration) }
            slowAnswers.append(answer)
            await answer.value
            return reply
        case .answerLost:
            _ = await act(method, request)
            return Reply(headers: ["Content-Type": "application/json"], steps: [.write("{"), .drop])
        case nil: return await act(method, request)
        }
    }

    private func nextFault(for method: String) -> Fault? {
        guard let index = faults.firstIndex(where: { $0.method == nil || $0.method == method }) else { return nil }
        let fault = faults[index].fault
        if let left = faults[index].left {
            faults[index].left = left - 1
            if left <= 1 { faults.remove(at: index) }
        }
        return fault
    }

    private func act(_ method: String, _ request: Received) async -> Reply {
        let call = SlackCall(request)
        if let wait = meter.take(method, channel: call["channel"], at: time) {
            calls.append((method, time, "429"))
            announce()
            return .tooMany(wait)
        }
        do throws(SlackRefusal) {
            let answer = try await result(of: method, call)
            calls.append((method, time, nil))
            announce()
            let headers = ["x-oauth-scopes": scopes.joined(separator: ",")]
            return .json(answer.merging(["ok": true]) { $1 }, headers: headers)
        } catch {
            calls.append((method, time, error.code))
            mistakes.append("\(method): \(error.code) \(error.messages)")
            announce()
            return .refusal(error, scopes)
        }
    }

    private func result(of method: String, _ call: SlackCall) async throws(SlackRefusal) -> JSONObject {
        switch method {
        case "auth.test":
            try check(call, app.token)
            return [
                "url": "https://acme.slack.com/", "team": "Acme", "user": "viridian", "team_id": app.team,
                "user_id": "U0BOT4567", "bot_id": "B0BOT4567", "is_enterprise_install": false,
            ]
        case "chat.postMessage": return try post(call)
        case "chat.update": return try update(call)
        case "users.info": return try info(call)
        case "apps.connections.open":
            try check(call, app.appToken)
            guard let socketURL else { throw SlackRefusal("internal_error") }
            return ["url": await socketURL()]
        default: throw SlackRefusal("unknown_method")
        }
    }

    private func check(_ call: SlackCall, _ token: String, scope: String? = nil) throws(SlackRefusal) {
        guard let given = call.token, !given.isEmpty else { throw SlackRefusal("not_authed") }
        guard [app.token, app.appToken].contains(given) else { throw SlackRefusal("invalid_auth") }
        guard given == token else { throw SlackRefusal("not_allowed_token_type") }
        if let scope, !scopes.contains(scope) { throw SlackRefusal("missing_scope", needed: scope) }
    }

    private func info(_ call: SlackCall) throws(SlackRefusal) -> JSONObject {
        try check(call, app.token, scope: "users:read")
        // Takes no JSON: https://docs.slack.dev/reference/methods/users.info
        guard !call.isJSON, let id = call["user"] else {
            throw SlackRefusal("invalid_arguments", ["[ERROR] missing required field: user"])
        }
        guard let person = people.first(where: { $0.id == id }) else { throw SlackRefusal("user_not_found") }
        var profile: JSONObject = ["display_name": person.name, "real_name": person.name]
        if scopes.contains("users:read.email"), person.team == app.team { profile["email"] = person.email }
        return [
            "user": [
                "id": person.id, "team_id": person.team, "name": person.name, "deleted": false,
                "is_stranger": person.team != app.team, "profile": profile,
            ] as JSONObject
        ]
    }

    private func post(_ call: SlackCall) throws(SlackRefusal) -> JSONObject {
        try check(call, app.token, scope: "chat:write")
        guard let wanted = call["channel"] else {
            throw SlackRefusal("invalid_arguments", ["[ERROR] missing required field: channel"])
        }
        let name = wanted.hasPrefix("#") ? String(wanted.dropFirst()) : wanted
        guard let channel = channels.first(where: { $0.id == wanted || $0.name == name }),
            channel.hasApp || !channel.isPrivate
        else { throw SlackRefusal("channel_not_found") }
        if channel.isArchived { throw SlackRefusal("is_archived") }
        if !channel.hasApp, !scopes.contains("chat:write.public") { throw SlackRefusal("not_in_channel") }
        let version = try version(call, "chat.postMessage")
        let key = knowsKeys ? call["client_msg_id"].map { "\(channel.id) \($0)" } : nil
        if let key, let timestamp = posted[key] {
            guard let message = messages.first(where: { $0.channel == channel.id && $0.timestamp == timestamp })
            else { throw SlackRefusal("duplicate_message_not_found") }
            return ["channel": channel.id, "ts": timestamp, "message": object(message)]
        }
        var message = Message(
            channel: channel.id, timestamp: nextTimestamp(), app: app.id, versions: [version])
        if let thread = call["thread_ts"] {
            guard thread.wholeMatch(of: /\d{10}\.\d{6}/) != nil else {
                throw SlackRefusal("invalid_thread_ts", ["[ERROR] \(thread) is not a valid thread_ts"])
            }
            // Slack takes it, and nobody ever sees it: slackapi/python-slack-sdk#840.
            if !messages.contains(where: { $0.channel == channel.id && $0.timestamp == thread && $0.thread == nil }) {
                mistakes.append("chat.postMessage: no message \(thread) in \(channel.name) has a thread")
            }
            message.thread = thread
            message.isBroadcast = call.isTrue("reply_broadcast")
        }
        messages.append(message)
        if let key { posted[key] = message.timestamp }
        return ["channel": channel.id, "ts": message.timestamp, "message": object(message)]
    }

    private func update(_ call: SlackCall) throws(SlackRefusal) -> JSONObject {
        try check(call, app.token, scope: "chat:write")
        guard let wanted = call["channel"], let timestamp = call["ts"] else {
            throw SlackRefusal("invalid_arguments", ["[ERROR] missing required field: channel or ts"])
        }
        // Not by its name.
        guard let channel = channels.first(where: { $0.id == wanted }) else { throw SlackRefusal("channel_not_found") }
        guard
            let index = messages.firstIndex(where: {
                $0.channel == channel.id && $0.timestamp == timestamp && $0.onlyFor == nil
            })
        else { throw SlackRefusal("message_not_found") }
        if channel.isArchived { throw SlackRefusal("is_archived") }
        guard messages[index].app == app.id else { throw SlackRefusal("cant_update_message") }
        let version = try version(call, "chat.update")
        let before = messages[index].newest
        let again = version.blockIDs.filter(before.blockIDs.contains)
        if !again.isEmpty, version.blocks != before.blocks {
            mistakes.append("chat.update: block_id used again: \(again)")
        }
        messages[index].versions.append(version)
        return ["channel": channel.id, "ts": timestamp, "text": version.text, "message": object(messages[index])]
    }

    /// What a message consists of according to a call or an answer to an interaction.
    func version(_ call: SlackCall, _ method: String) throws(SlackRefusal) -> Version {
        let text = call["text"] ?? ""
        let limit = method == "chat.update" ? 4000 : 40_000
        if text.utf16.count > limit { throw SlackRefusal("msg_too_long") }
        var version = Version(at: time, text: text, shown: SlackText.shown(text))
        version.mentions = SlackText.mentions(in: text)
        if let value = call.value("blocks") {
            var blocks = SlackBlocks(knowsPlans: knowsPlans)
            try blocks.read(value)
            if !blocks.kinds.isEmpty {
                version.blocks = value as? String ?? SlackCall.json(value)
                version.kinds = blocks.kinds
                version.blockIDs = blocks.blockIDs
                version.shown = blocks.shown.joined(separator: "\n")
                version.buttons = blocks.buttons
                version.mentions += blocks.mentions
            }
        }
        if text.isEmpty, version.kinds.isEmpty { throw SlackRefusal("no_text") }
        if text.isEmpty { mistakes.append("\(method): no text, which notifications and screen readers need") }
        return version
    }

    private func object(_ message: Message) -> JSONObject {
        var object: JSONObject = [
            "type": "message", "user": "U0BOT4567", "bot_id": "B0BOT4567", "app_id": message.app, "text": message.text,
            "ts": message.timestamp, "team": app.team,
        ]
        if let blocks = message.newest.blocks {
            object["blocks"] = try? JSONSerialization.jsonObject(with: Data(blocks.utf8))
        }
        if let thread = message.thread { object["thread_ts"] = thread }
        return object
    }
}
