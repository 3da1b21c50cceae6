/// A message that was posted.
package struct SlackMessageID: Sendable, Hashable, Codable {
    /// The channel's id, as Slack answered it: `C024BE91L`.
    package var channel: String
    /// Slack's timestamp of the message, which is its name within the channel: `1431.000100`.
    package var timestamp: String

    package init(channel: String, timestamp: String) {
        self.channel = channel
        self.timestamp = timestamp
    }
}

extension SlackMessageID: CustomStringConvertible, LosslessStringConvertible {
    /// `C024BE91L:1431.000100`
    package var description: String { "\(channel):\(timestamp)" }

    /// `nil` for anything but a description.
    package init?(_ description: String) {
        let parts = description.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        self.init(channel: String(parts[0]), timestamp: String(parts[1]))
    }
}
