import Foundation

extension SlackConfiguration {
    private static let keys = ["token", "signingSecret", "appToken", "channel", "command", "api", "users"]

    /// `apps` are the names of the configured apps, sorted; `nil` where they are not known.
    init?(_ root: Section, apps: [String]?) {
        guard let section = root.section("slack", known: Self.keys) else { return nil }
        let token = section.require("token", .secret)
        let signingSecret = section.read("signingSecret", .secret)
        let appToken = section.read("appToken", .secret)
        let channel = section.require(
            "channel",
            .text("a channel such as \"#deploys\"") {
                !$0.isEmpty && Grammar.isOneLine($0) && !$0.contains(" ")
            })
        let command = section.read(
            "command",
            .text("a slash command such as /deploy, of at most 32 characters") {
                $0.hasPrefix("/") && (2...32).contains($0.count) && Grammar.isOneLine($0) && !$0.contains(" ")
            },
            default: "/deploy")
        let api = section.read("api", .url) ?? URL(string: "https://slack.com/api")
        let users = section.sections("users", known: ["slack", "email", "name", "role", "apps"])
            .compactMap { User($0, apps) }
        guard let token, let channel, let api else { return nil }
        self.init(
            token: token, signingSecret: signingSecret, appToken: appToken, channel: channel, command: command,
            api: api, users: users)
    }
}

extension SlackConfiguration.User {
    fileprivate init?(_ section: Section, _ known: [String]?) {
        let id = section.read(
            "slack",
            .text("Slack's id of a person such as U024BE7LH") {
                $0.count >= 2 && $0.count <= 40 && "UW".contains($0.prefix(1))
                    && $0.allSatisfy { $0.isASCII && ($0.isUppercase || $0.isNumber) }
            })
        let email = section.read(
            "email",
            .text("an e-mail address such as ann@domain.com") {
                $0.contains("@") && Grammar.isOneLine($0) && !$0.contains(" ") && $0.count <= 254
            })
        let name = section.require(
            "name",
            .text("a name of at most 100 characters, without blanks at its ends") {
                !$0.isEmpty && $0 == $0.trimmingCharacters(in: .whitespaces) && $0.count <= 100
                    && Grammar.isOneLine($0)
            })
        let role = section.require("role", Kind<Role>.choice)
        let apps = section.list("apps", .app(known))
        if section.isEmpty("apps") {
            section.report(
                "expected at least one app; without this key, the person has the role for all apps", at: "apps")
        }
        if section.has("slack") == section.has("email") {
            section.report("expected either slack, the person's id there, or email", at: "slack")
            return nil
        }
        guard let identification = id.map(Identification.id) ?? email.map({ .email($0.lowercased()) }), let name,
            let role
        else { return nil }
        self.init(identification, name: name, role: role, apps: apps)
    }
}
