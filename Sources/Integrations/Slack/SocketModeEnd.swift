import HTTPTransport

/// Why there is no connection any more, or none yet.
struct SocketModeEnd: Error, Sendable, Hashable, CustomStringConvertible {
    enum Kind: Sendable, Hashable {
        /// Another attempt may help, after this time at the earliest where Slack said so.
        case lost(after: Duration?)
        /// Another attempt would be answered the same way until somebody changes something; the description says what.
        case refused
    }

    var kind: Kind
    /// One sentence without secrets: what happened, and what to do.
    var description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    init(_ error: any Error) {
        switch error {
        case let error as SocketModeEnd: self = error
        case let error as DeliveryFailure:
            switch error.kind {
            case .unavailable(let after): self.init(.lost(after: after), error.description)
            case .limited(let after): self.init(.lost(after: after), error.description)
            case .refused: self.init(.refused, error.description)
            }
        default: self.init(.lost(after: nil), "\(error)")
        }
    }

    /// The time until the next attempt, besides back-off.
    func delay(_ timing: SocketMode.Timing) -> Duration {
        switch kind {
        case .lost(let after): after ?? .zero
        // The connections do not all come back at the same moment.
        case .refused: timing.refused * Double.random(in: 0.8...1.2)
        }
    }

    static let closed = SocketModeEnd(.lost(after: nil), "Slack closed the connection")
    static let noHello = SocketModeEnd(
        .lost(after: nil), "Slack did not begin to send: what is between this server and Slack must let WebSockets pass"
    )
    static let disabled = SocketModeEnd(
        .refused,
        "Socket Mode is turned off for the app: turn it on under \"Socket Mode\" at https://api.slack.com/apps, "
            + "or remove slack.appToken")
    static let tooMany = SocketModeEnd(
        .lost(after: .seconds(60)),
        "Slack allows an app ten connections, and it has more: end other servers that use the same slack.appToken")
}
