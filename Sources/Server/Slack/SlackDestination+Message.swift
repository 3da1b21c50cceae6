import Controller
import Foundation
import Integrations
import Journal
import ReleaseMachine
import Synchronization

extension SlackDestination {
    package func deliver(_ notification: OutboxNotification, _ context: DeliveryContext) async throws -> DeliveryOutcome
    {
        guard let story = try SlackStory(context.events(), journal, site) else {
            return .obsolete("the journal does not have the release any more")
        }
        let known = context.known.flatMap(SlackMessageID.init)
        if known == nil, let end = story.release.endedAt, clock.now - end > Self.oldest, !notification.isResent {
            return .obsolete("not sent: the release had ended before Slack could be told of it")
        }
        do {
            if notification.message == Self.message {
                return .delivered(try await show(story, known, notification, context).answer)
            }
            if let reason = try reasonNotToSend(notification, story, known) { return .obsolete(reason) }
            let id = if let known { known } else { try await show(story, nil, notification, context).id }
            return try await reply(notification, story, to: id, isNew: known == nil)
        } catch let error as SlackError {
            throw DeliveryFailure(.refused, "\(error)")
        }
    }

    /// Makes the release's message show how the release stands.
    func show(
        _ story: SlackStory, _ known: SlackMessageID?, _ notification: OutboxNotification, _ context: DeliveryContext
    ) async throws -> (id: SlackMessageID, answer: String) {
        if let known {
            do {
                let answer = try await edit(known, story)
                if notification.externalID == nil { try context.record(known.description) }
                return (known, answer)
            } catch SlackError.messageNotFound {
                memory.withLock { $0.shown[known] = nil }
            }
        }
        let id = try await post(story, instead: known, notification, context)
        return (id, "posted as \(id)")
    }

    private func edit(_ id: SlackMessageID, _ story: SlackStory) async throws -> String {
        let last = memory.withLock { $0.shown[id] }
        if let last, try story.message.content(memory.withLock { $0.style }).isSeen(as: last) {
            return "\(id) shows this already"
        }
        let content = try await inSomeStyle(story) { content in
            try await self.client.update(id, content)
            return content
        }
        remember(id, content, story)
        return "edited \(id)"
    }

    private func post(
        _ story: SlackStory, instead lost: SlackMessageID?, _ notification: OutboxNotification,
        _ context: DeliveryContext
    ) async throws -> SlackMessageID {
        let mayBeThere = context.isRepeated && !memory.withLock { $0.unposted.contains(notification.id) }
        let key = story.key("message", lost?.description ?? "")
        do {
            let (id, content) = try await inSomeStyle(story) { content in
                (try await self.client.post(content, to: self.channel, key: key), content)
            }
            try context.record(id.description)
            memory.withLock { _ = $0.unposted.remove(notification.id) }
            // What an earlier attempt posted may show an earlier state.
            if mayBeThere { try await client.update(id, content) }
            remember(id, content, story)
            return id
        } catch let failure as DeliveryFailure {
            memory.withLock { memory in
                if case .limited = failure.kind, !mayBeThere {
                    memory.unposted.insert(notification.id)
                } else {
                    memory.unposted.remove(notification.id)
                }
            }
            throw failure
        }
    }

    private func remember(_ id: SlackMessageID, _ content: SlackContent, _ story: SlackStory) {
        memory.withLock { $0.shown[id] = story.history.isFinal ? nil : content }
    }

    /// Sends the message in the first style that Slack takes.
    private func inSomeStyle<Value>(
        _ story: SlackStory, _ send: (SlackContent) async throws -> Value
    ) async throws -> Value {
        let first = memory.withLock { $0.style }
        var style = first
        while true {
            do {
                let value = try await send(try story.message.content(style))
                if first == .plan, style == .sections { memory.withLock { $0.style = .sections } }
                return value
            } catch SlackError.contentRefused(let code, let detail) {
                guard let simpler = style.simpler else { throw SlackError.contentRefused(code, detail: detail) }
                style = simpler
            }
        }
    }
}
