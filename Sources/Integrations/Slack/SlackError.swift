/// What Slack answers to a message that cannot be sent in this way. Everything else is a `DeliveryFailure`.
package enum SlackError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The message that was to be edited or replied to is not there any more, or may not be edited: Slack's code.
    case messageNotFound(String)
    /// The message itself is not accepted, its blocks or its length: Slack's code, and what it says of it.
    case contentRefused(String, detail: String)

    /// Slack knows that the same call came before, and not the message any more that it made.
    case duplicateNotFound

    package var description: String {
        switch self {
        case .messageNotFound(let code): "the message is not there any more, or may not be edited (\(code))"
        case .duplicateNotFound: "the message that an earlier attempt posted is not there any more"
        case .contentRefused(let code, let detail):
            "Slack does not accept the message (\(code)\(detail.isEmpty ? "" : ": \(detail)"))"
        }
    }
}
