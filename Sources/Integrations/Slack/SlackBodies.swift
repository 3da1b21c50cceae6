/// What chat.postMessage is sent: https://docs.slack.dev/reference/methods/chat.postMessage
struct PostedMessage: Encodable {
    var channel: String
    var text: String
    var blocks: EncodedSlackBlocks?
    var thread: String?
    var isBroadcast: Bool?
    var key: String?
    /// Previews of the linked pages would hide the message.
    var unfurlsLinks = false
    var unfurlsMedia = false

    private enum CodingKeys: String, CodingKey {
        case channel, text, blocks
        case thread = "thread_ts"
        case isBroadcast = "reply_broadcast"
        case key = "client_msg_id"
        case unfurlsLinks = "unfurl_links"
        case unfurlsMedia = "unfurl_media"
    }
}

/// What it answers.
struct PostAnswer: Decodable {
    struct Message: Decodable {
        struct Block: Decodable {
            var blockID: String?

            private enum CodingKeys: String, CodingKey { case blockID = "block_id" }
        }

        var blocks: [Block]?
    }

    var channel: String
    var ts: String
    var message: Message?
}

/// What chat.update is sent: https://docs.slack.dev/reference/methods/chat.update
struct EditedMessage: Encodable {
    var channel: String
    var ts: String
    var text: String
    /// Empty removes those that the message had.
    var blocks: EncodedSlackBlocks
}

/// What a response_url is sent.
struct InteractionAnswer: Encodable {
    var type = "ephemeral"
    var text: String
    var blocks: EncodedSlackBlocks?
    /// The message whose button was pressed stays.
    var isReplacingOriginal = false

    private enum CodingKeys: String, CodingKey {
        case text, blocks
        case type = "response_type"
        case isReplacingOriginal = "replace_original"
    }
}
