import Controller
import Integrations
import Journal
import ReleaseMachine
import Synchronization

extension SlackDestination {
    package func deliver(_ notification: OutboxNotification, _ context: DeliveryContext) async throws -> DeliveryOutcome
    {
        guard let story = try await SlackStory(context.events(), journal, site) else {
            return .obsolete("the journal does not have the release any more")
        }
        let known = try await id(of: story.release)
        if known == nil, let end = story.release.endedAt, clock.now - end > Self.oldest, !notification.isResent {
            return .obsolete("not sent: the release had ended before Slack could be told of it")
        }
        do {
            if notification.message == Self.message { return .delivered(try await show(story, known)) }
            if let reason = try reasonNotToSend(notification, story) { return .obsolete(reason) }
            let id = if let known { known } else { try await post(story, instead: nil).id }
            return try await reply(notification, story, to: id)
        } catch let error as SlackError {
            throw DeliveryFailure(.refused, "\(error)")
        }
    }

    /// The release's message, whichever row of the outbox was sent when it was posted; `nil` when there is none.
    private func id(of release: Release) async throws -> SlackMessageID? {
        try await journal.externalID(
            at: name, app: release.order.app, number: release.order.number, message: Self.message
        ).flatMap(SlackMessageID.init)
    }

    /// Makes the release's message show how the release stands.
    /// - Returns: what was done, in one sentence.
    private func show(_ story: SlackStory, _ known: SlackMessageID?) async throws -> String {
        if let known {
            do {
                return try await edit(known, story)
            } catch SlackError.messageNotFound {}
        }
        let (id, isAsSent) = try await post(story, instead: known)
        guard isAsSent else {
            // A call of its own, which has its own limit.
            throw DeliveryFailure(
                .limited(after: .seconds(1)), "an earlier attempt has posted \(id): it is edited next")
        }
        return "posted as \(id)"
    }

    private func edit(_ id: SlackMessageID, _ story: SlackStory) async throws -> String {
        let (last, style) = memory.withLock { ($0.shown[id], $0.style) }
        if let last, try story.message.content(style).isSeen(as: last) { return "\(id) shows this already" }
        // Until Slack has answered it may show the one or the other.
        memory.withLock { $0.shown[id] = nil }
        let (_, content) = try await inSomeStyle(story) { try await client.update(id, $0) }
        remember(id, content, story)
        return "edited \(id)"
    }

    /// Posts the release's message, instead of one that is not there any more, and records its id. Whether it shows how the release stands
    /// is answered too: it may be what an earlier attempt posted, without learning of it.
    private func post(_ story: SlackStory, instead lost: SlackMessageID?) async throws -> (
        id: SlackMessageID, isAsSent: Bool
    ) {
        let order = story.release.order
        let key = story.key(Self.message, lost?.description ?? "")
        let (posted, content) = try await inSomeStyle(story) {
            try await client.postOnce($0, to: channel, key: key)
        }
        try await journal.record(
            externalID: posted.id.description, at: name, app: order.app, number: order.number, message: Self.message)
        if posted.isAsSent {
            remember(posted.id, content, story)
            memory.withLock { $0.posted[posted.id] = story.release.updatedAt }
        }
        return posted
    }

    private func remember(_ id: SlackMessageID, _ content: SlackContent, _ story: SlackStory) {
        memory.withLock { memory in
            memory.shown[id] = story.history.isFinal ? nil : content
            if story.history.isFinal { memory.posted[id] = nil }
        }
    }

    /// Sends the message in the first style that Slack takes.
    private func inSomeStyle<Value: Sendable>(
        _ story: SlackStory, _ send: (SlackContent) async throws -> Value
    ) async throws -> (Value, SlackContent) {
        var style = memory.withLock { $0.style }
        var isUnknown = false
        while true {
            let content = try story.message.content(style)
            do {
                let value = try await send(content)
                if isUnknown, style == .sections { memory.withLock { $0.style = .sections } }
                return (value, content)
            } catch SlackError.contentRefused(let code, let detail) {
                guard let simpler = style.simpler else { throw SlackError.contentRefused(code, detail: detail) }
                isUnknown = style == .plan && code.hasPrefix("invalid_blocks")
                style = simpler
            }
        }
    }
}
