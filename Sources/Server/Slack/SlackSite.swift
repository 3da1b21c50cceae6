import ReleaseMachine
import ViridianConfiguration

/// What messages in Slack need besides the release: the configuration of the server.
struct SlackSite: Sendable, Hashable {
    /// The URL of the server, without a trailing slash, for links to the release's page; `nil` where none is configured.
    var server: String?
    /// Requests from people in Slack arrive: messages have buttons.
    var takesRequests: Bool
    /// The ids of people in Slack, by the names that they have in releases, in lower case.
    var people: [String: String]

    init(server: String? = nil, takesRequests: Bool = false, people: [String: String] = [:]) {
        self.server = server
        self.takesRequests = takesRequests
        self.people = people
    }

    init(_ slack: SlackConfiguration, server: String?) {
        self.init(server: server, takesRequests: slack.takesRequests)
        for user in slack.users {
            if case .id(let id) = user.identification { people[user.name.lowercased()] = id }
        }
    }

    func page(of order: Order) -> String? { server.map { "\($0)/apps/\(order.app)/releases/\(order.number)" } }

    /// The id of a person in Slack; `nil` where the configuration does not tell it.
    func id(of person: String) -> String? { people[person.lowercased()] }
}
