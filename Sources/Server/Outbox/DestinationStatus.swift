import Controller
import Journal
import ReleaseMachine

/// How it goes with the messages for one destination, for people.
package struct DestinationStatus: Sendable, Hashable {
    package enum State: Sendable, Hashable {
        /// Nothing was sent: there was nothing to tell, or it was over before it could be.
        case unused
        /// Everything was delivered that was to be.
        case delivered
        /// Messages are on their way, and none was refused.
        case sending
        /// Messages wait because the destination did not accept them.
        case retrying
        /// It is not in the configuration any more, and messages wait for it.
        case removed
    }

    package var name: String
    package var state: State
    /// Messages that are to be sent, now or again.
    package var waiting: Int
    package var failed: Int
    /// Since when the oldest of those that wait does.
    package var oldest: Timestamp?
    /// What the destination answered last, or why it was not reached, and when.
    package var answer: String?
    package var answeredAt: Timestamp?

    package init(name: String, record: DestinationRecord? = nil, isConfigured: Bool = true) {
        self.name = name
        waiting = record?.waiting ?? 0
        failed = record?.failed ?? 0
        oldest = record?.oldest
        let last = record?.retried ?? record?.lastEnded
        answer = last?.answer
        answeredAt = last?.triedAt
        state =
            switch record {
            case nil: .unused
            case _ where !isConfigured: .removed
            case let record? where record.waiting == 0: record.delivered + record.failed == 0 ? .unused : .delivered
            case let record?: record.retried == nil ? .sending : .retrying
            }
    }

    /// The configured destinations, and others for which messages wait. With `apps`, only messages about these apps count.
    package static func all(_ names: [String], _ journal: Journal, apps: [String]? = nil, at now: Timestamp)
        async throws
        -> [DestinationStatus]
    {
        let records = try await journal.destinationRecords(apps: apps, at: now)
        let configured = names.sorted().map { name in
            DestinationStatus(name: name, record: records.first { $0.name == name })
        }
        let removed = records.filter { !names.contains($0.name) && $0.waiting > 0 }
            .map { DestinationStatus(name: $0.name, record: $0, isConfigured: false) }
        return configured + removed
    }

    /// `3 messages wait, the oldest since 26 Nov 02:14: Slack does not answer: …`
    package func sentence(at now: Timestamp) -> String {
        let summary = summary(at: now)
        return state == .retrying ? "\(summary): \(answer ?? "it does not answer")" : summary
    }

    /// The same without what was answered.
    package func summary(at now: Timestamp) -> String {
        let messages = counted(waiting, "message")
        let verb = waiting == 1 ? "waits" : "wait"
        let since = oldest.map { time in
            "\(waiting == 1 ? "" : ", the oldest") since \(DisplayText.when(time, now: now))"
        }
        switch state {
        case .unused: return "nothing was sent yet"
        case .delivered: return failed == 0 ? "all delivered" : "\(failed) failed, the others were delivered"
        case .sending: return "\(messages) \(waiting == 1 ? "is" : "are") being sent"
        case .retrying: return "\(messages) \(verb)\(since ?? "")"
        case .removed: return "not configured any more: \(messages) \(verb) and will not be sent"
        }
    }
}
