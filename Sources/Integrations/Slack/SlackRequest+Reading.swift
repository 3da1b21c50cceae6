import ViridianConfiguration

extension SlackRequest {
    /// The buttons that act on a release.
    package static let buttons: Set<String> = ["promote", "abort"]
    /// The longest text of a command; Slack's own limit of a message is 40,000 characters.
    private static let longestText = 4000

    /// Reads the body of a slash command.
    ///
    /// <https://docs.slack.dev/interactivity/implementing-slash-commands>
    package static func read(command body: [UInt8]) throws(MalformedSlackRequest) -> SlackRequest {
        let form = try SlackForm(body)
        return try SlackRequest { name in form[name] }
    }

    /// Reads the body of an interaction.
    /// - Returns: `nil` for one that asks for nothing here, such as a click on a link.
    package static func read(action body: [UInt8]) throws(MalformedSlackRequest) -> SlackRequest? {
        guard let payload = try SlackForm(body)["payload"] else {
            throw MalformedSlackRequest("the form has no field payload")
        }
        return try read(envelope: "interactive", payload: Array(payload.utf8))
    }

    /// Reads what an envelope of Socket Mode carries.
    /// - Returns: `nil` for a type of envelope, or an interaction, that asks for nothing here.
    package static func read(
        envelope type: String, payload: [UInt8]
    ) throws(MalformedSlackRequest) -> SlackRequest? {
        guard type == "slash_commands" || type == "interactive" else { return nil }
        let json: HookJSON
        do {
            json = try HookJSONReader.value(of: payload, expected: "the JSON of a payload")
        } catch {
            throw MalformedSlackRequest(error.description)
        }
        guard json.object != nil else { throw MalformedSlackRequest("the payload is JSON, but not an object") }
        if type == "interactive" { return try SlackRequest(interaction: json) }
        return try SlackRequest { name in json[name].string }
    }

    private init(command field: (String) -> String?) throws(MalformedSlackRequest) {
        guard field("command")?.hasPrefix("/") == true else {
            throw MalformedSlackRequest("the field command is not a slash command such as /deploy")
        }
        let text = field("text") ?? ""
        guard text.count <= Self.longestText else {
            throw MalformedSlackRequest("the text of the command is longer than \(Self.longestText) characters")
        }
        self.init(
            .command(text: text), team: try Self.id(field("team_id"), "team_id"),
            user: SlackPerson(id: try Self.id(field("user_id"), "user_id"), name: field("user_name") ?? ""),
            responseURL: field("response_url"), trigger: field("trigger_id").flatMap(Self.trigger))
    }

    /// <https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>
    private init?(interaction json: HookJSON) throws(MalformedSlackRequest) {
        guard let type = json["type"].string else { throw MalformedSlackRequest("the payload has no type") }
        guard type == "block_actions" else { return nil }
        guard let actions = json["actions"].array else {
            throw MalformedSlackRequest("the payload has no list of actions")
        }
        guard let action = actions.first(where: { $0["action_id"].string.map(Self.buttons.contains) ?? false }),
            let button = action["action_id"].string
        else { return nil }
        guard let release = action["value"].string, Self.isRelease(release) else {
            throw MalformedSlackRequest("the value of the button \(button) is not a release such as blog/42")
        }
        let user = json["user"]
        self.init(
            .button(id: button, release: release),
            team: try Self.id(json["team"]["id"].string, "team.id"),
            user: SlackPerson(
                team: user["team_id"].string, id: try Self.id(user["id"].string, "user.id"),
                name: user["username"].text ?? user["name"].string ?? ""),
            responseURL: json["response_url"].string, trigger: json["trigger_id"].string.flatMap(Self.trigger))
    }

    /// `U024BE7LH`, `T0001`, `C2147483705`.
    private static func id(_ text: String?, _ field: String) throws(MalformedSlackRequest) -> String {
        guard let text else { throw MalformedSlackRequest("\(field) is missing") }
        guard let id = plainID(text) else {
            throw MalformedSlackRequest("\(field) is \(Excerpt.quoted(text, limit: 40)), not an id such as U024BE7LH")
        }
        return id
    }

    private static func plainID(_ text: String) -> String? {
        let isPlain = text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
        return isPlain && (2...40).contains(text.utf8.count) ? text : nil
    }

    /// `13345224609.738474920.8088930838d88f008e0`. Anything else tells nothing apart.
    private static func trigger(_ text: String) -> String? {
        let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        return isPlain && (10...200).contains(text.utf8.count) ? text : nil
    }

    private static func isRelease(_ text: String) -> Bool {
        text.utf8.count <= 100 && text.wholeMatch(of: /[a-z0-9][a-z0-9-]*\/[1-9][0-9]{0,9}/) != nil
    }
}
