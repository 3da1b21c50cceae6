import Controller
import Foundation
import Integrations
import Journal
import ReleaseMachine
import Synchronization
import ViridianConfiguration

/// Tells releases in a Slack channel: one message a release, which is edited as the release goes on, with a thread.
///
/// What is sent is the release as the journal has it at that moment: a message that waited, or that is sent again after a crash, never brings
/// an older state back.
package final class SlackDestination: OutboxDestination {
    package let name = "slack"
    let client: SlackClient
    let channel: String
    let site: SlackSite
    let journal: Journal
    let clock: any ReleaseClock
    let memory = Mutex(Memory())

    static let kind = "slack"
    /// A release that ended longer ago is not told any more to a channel that knows nothing of it.
    static let oldest = Duration.seconds(3600)
    /// A line of a thread that is older is not sent when there is a later one: the lines of a quick release all are, in a crowd the newest.
    static let freshness = Duration.seconds(10)

    /// What this process knows besides the journal. After a restart there may be an edit more than is needed, or a line in the channel that
    /// says what a message just said.
    struct Memory {
        /// Slack has refused messages of styles above this one.
        var style = SlackMessageStyle.plan
        /// What the messages of releases that may still change show.
        var shown: [SlackMessageID: SlackContent] = [:]
        /// How far a release had come when its message was posted.
        var posted: [SlackMessageID: Timestamp] = [:]
    }

    /// `server` is the server's URL, for links.
    package init(
        _ configuration: SlackConfiguration, _ client: SlackClient, server: String?, journal: Journal,
        clock: any ReleaseClock
    ) {
        self.client = client
        channel = configuration.channel
        site = SlackSite(configuration, server: server)
        self.journal = journal
        self.clock = clock
    }

    /// The destination of a configuration, if it has one. `variables` has the proxies'.
    static func all(
        _ configuration: Configuration, journal: Journal, variables: [String: String],
        clock: any ReleaseClock = SystemClock()
    ) throws -> [any OutboxDestination] {
        guard let slack = configuration.slack else { return [] }
        return [
            SlackDestination(
                slack, try SlackClient(slack, environment: variables),
                server: configuration.server.url?.absoluteString, journal: journal, clock: clock)
        ]
    }

    package func close() async { await client.shutdown() }

    package func limit(of notification: OutboxNotification) -> String {
        notification.message == Self.message && notification.externalID != nil ? "chat.update" : "chat.postMessage"
    }

    package func sendTest() async throws -> String {
        let text = SlackText(
            "This is a test of Viridian: messages about releases arrive here"
                + (site.takesRequests ? ", and ask before the traffic moves." : "."))
        do {
            return "posted in \(try await client.post(SlackContent(text), to: channel).channel)"
        } catch let error as SlackError {
            throw DeliveryFailure(.refused, "\(error)")
        }
    }
}

// MARK: - What is to be sent

extension SlackDestination {
    static let message = "message"
    static let reminder = "reminder"

    package func messages(for history: Milestones) throws -> [NewNotification] {
        let release = history.release
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let shown = try encoder.encode(SlackProgress(release))
        var messages = [
            notification(
                release, Self.message, lane: "", priority: priority(of: release), at: release.updatedAt,
                payload: String(decoding: shown, as: UTF8.self), isReplaced: true)
        ]
        messages += SlackThread(history, site).lines.map { line, at in
            notification(
                release, line.message, lane: " thread",
                priority: line.isForEverybody ? (line == .phase(.verifying) ? 1 : 2) : 4, at: at)
        }
        if let due = SlackThread.reminder(of: release),
            let pause = release.spans.first(where: { $0.phase == .verifying })
        {
            messages.append(
                notification(
                    release, Self.reminder, lane: " reminder", priority: 1, at: pause.startedAt, notBefore: due))
        }
        return messages
    }

    /// What asks for a decision goes first, then what has ended, then what begins.
    private func priority(of release: Release) -> Int {
        switch release.state {
        case .paused: 0
        case .live, .failed, .aborted, .rolledBack: 2
        case .running where release.phase <= .creating: 3
        case .running, .superseded: 5
        }
    }

    private func notification(
        _ release: Release, _ message: String, lane: String, priority: Int, at: Timestamp, payload: String = "{}",
        notBefore: Timestamp? = nil, isReplaced: Bool = false
    ) -> NewNotification {
        NewNotification(
            destination: name, kind: Self.kind, app: release.order.app, number: release.order.number, message: message,
            payload: payload, at: at, lane: release.order.name + lane, priority: priority, notBefore: notBefore,
            isReplaced: isReplaced)
    }
}
