/// What a message consists of.
package struct SlackContent: Sendable, Hashable {
    /// One sentence, in Slack's markup: the notification, what a screen reader says, and the message where there are no blocks.
    package var text: String
    package var blocks: [SlackBlock]?
    /// Makes the blocks' ids, which are new at each edit of a message.
    package var revision: String

    package init(text: String, blocks: [SlackBlock]? = nil, revision: String = "") {
        self.text = text
        self.blocks = blocks
        self.revision = revision
    }

    package init(_ text: SlackText, blocks: [SlackBlock]? = nil, revision: String = "") {
        self.init(text: text.markup, blocks: blocks, revision: revision)
    }

    /// Whether people would see a difference.
    package func isSeen(as other: SlackContent) -> Bool { text == other.text && blocks == other.blocks }
}
