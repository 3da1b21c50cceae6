import Foundation

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
        // Slack takes 4,000 in an edit.
        self.init(text: text.markup(atMost: 3000), blocks: blocks, revision: revision)
    }

    /// The blocks as Slack gets them, a JSON array; `nil` without blocks.
    package func blocksJSON() throws -> String? {
        guard blocks != nil else { return nil }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(EncodedSlackBlocks(content: self)), as: UTF8.self)
    }

    /// The id of a block; `nil` where Slack gives it one.
    func blockID(_ index: Int) -> String? { revision.isEmpty ? nil : "\(revision).\(index)" }

    /// Whether blocks with these ids are its own.
    func isMade(of ids: [String]) -> Bool {
        !revision.isEmpty && blocks != nil && ids == (blocks ?? []).indices.compactMap(blockID)
    }

    /// Whether people would see a difference.
    package func isSeen(as other: SlackContent) -> Bool { text == other.text && blocks == other.blocks }
}
