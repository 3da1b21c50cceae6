import Integrations

extension SlackWording {
    /// What the slash command can do, after what was not understood.
    func help(_ problem: String?) -> SlackText {
        let lines: [(usage: String, does: String)] = [
            ("status [APP]", "what is live, what runs, what awaits whom"),
            ("promote APP", "move the traffic to the release that is paused, or approve it (also finish APP)"),
            ("abort APP [REASON]", "give the release up; the traffic stays where it is, or goes back"),
            ("rollback APP [VERSION] [REASON]", "bring back the version before, or another one that was live"),
            ("lock APP [for 2h] REASON", "no new releases; promote, abort and rollback work all the same"),
            ("unlock APP", "end its locks"),
            ("disconnect", "end the connection of your Slack account to your access token"),
        ]
        let list = lines.map { .code("\(command) \($0.usage)") + .plain("  \($0.does)") } as [SlackText]
        let head: SlackText = problem.map { .plain("\($0) Nothing was done.") } ?? .plain("Commands for releases:")
        return ([head] + list).joined(separator: "\n")
    }
}
