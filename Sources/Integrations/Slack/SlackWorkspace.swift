/// Where a token belongs, and what it may do.
package struct SlackWorkspace: Sendable, Hashable {
    /// `T024BE7LD`
    package var team: String
    package var teamName: String
    /// `https://domain.slack.com/`
    package var url: String
    /// The id of the user as whom the bot posts.
    package var botUser: String
    /// The name as which it posts; `nil` where Slack did not say.
    package var botName: String?
    /// What the token may do, `chat:write`; `nil` where Slack did not say.
    package var scopes: [String]?

    package init(
        team: String, teamName: String, url: String, botUser: String, botName: String? = nil, scopes: [String]? = nil
    ) {
        self.team = team
        self.teamName = teamName
        self.url = url
        self.botUser = botUser
        self.botName = botName
        self.scopes = scopes
    }
}
