import Integrations
import Journal
import ReleaseMachine

/// Projects the events of the journal to messages in the outbox.
///
/// The same events give the same messages, and the outbox takes each once: after a crash at any point the projection is done again from the
/// cursor, and nothing is lost or said twice.
struct OutboxProjection {
    private let journal: Journal
    private let destinations: [any OutboxDestination]
    /// The position in the journal up to which everything has been projected for all destinations.
    private var position: Int
    /// Since when there is each destination.
    private let beginnings: [String: Timestamp]
    /// By app with a release that has not ended: that one, and others to which more may happen. A release is large, with its milestones, and
    /// there may be thousands of apps: where something happens to one of the others, its releases are read again.
    private var followed: [String: [Int: Followed]] = [:]

    private struct Followed {
        var milestones: Milestones
        /// The number of milestones, and of events, from which the messages in the outbox were made.
        var projected = 0
        var projectedSequence = 0
        /// The payloads of what has been written to the outbox, the newest of each name.
        var payloads: [Name: String] = [:]

        /// Whether it changes the outbox.
        func isNews(_ message: NewNotification) -> Bool {
            guard let known = payloads[Name(message)] else { return true }
            return message.isReplaced && known != message.payload
        }

        struct Name: Hashable {
            var destination: String
            var message: String

            init(_ notification: NewNotification) {
                (destination, message) = (notification.destination, notification.message)
            }
        }
    }

    /// What happened longer ago is not told any more: after an outage, or to a destination that is new.
    static let oldest = Duration.seconds(86_400)
    /// The number of releases of an app that are read at the start.
    static let deepest = 20
    /// Of more apps than this, those are found first of which there is anything to tell.
    private static let few = 100

    init(journal: Journal, destinations: [any OutboxDestination], at now: Timestamp) async throws {
        self.journal = journal
        self.destinations = destinations
        var cursors: [Int] = []
        var beginnings: [String: Timestamp] = [:]
        for destination in destinations {
            let cursor = try await journal.openOutboxCursor(of: destination.name, at: now)
            cursors.append(cursor.position)
            beginnings[destination.name] = cursor.since
        }
        self.beginnings = beginnings
        let newest = try await journal.newestPosition()
        let oldest = cursors.min() ?? newest
        // A journal that was restored may be behind its cursors.
        position = oldest <= newest ? oldest : 0
    }

    /// Projects the events that are new.
    /// - Returns: whether there are new messages.
    mutating func update(at now: Timestamp) async throws -> Bool {
        let heads = try await journal.heads(after: position)
        guard let last = heads.last else { return false }
        var messages: [NewNotification] = []
        for head in try await thoseWithNews(heads, at: now) {
            // The first time there may be much to read.
            await Task.yield()
            try await readEvents(of: head.app, at: now)
            for release in followed[head.app, default: [:]].sorted(by: { $0.key < $1.key }).map(\.value) {
                messages += try news(of: release, at: now)
            }
        }
        var count = 0
        // An app's messages go out in the order in which they came about, also those of different releases.
        messages = messages.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
            .map(\.element)
        if !messages.isEmpty {
            let cursors = Dictionary(destinations.map { ($0.name, last.position) }) { $1 }
            count = try await journal.enqueue(messages, cursors: cursors, at: now)
        }
        for new in messages { followed[new.app]?[new.number]?.payloads[Followed.Name(new)] = new.payload }
        for head in heads { markProjected(head.app) }
        position = last.position
        return count > 0
    }

    /// Without the apps of which nothing is told any more: with a destination that is new, or after an outage, they are most of all.
    private func thoseWithNews(_ heads: [JournalHead], at now: Timestamp) async throws -> [JournalHead] {
        guard heads.count > Self.few else { return heads }
        let apps = Set(try await journal.apps(withEventsSince: now + (.zero - Self.oldest)))
        return heads.filter { followed[$0.app] != nil || apps.contains($0.app) }
    }

    /// The messages about a release that this process has not written to the outbox yet.
    private func news(of release: Followed, at now: Timestamp) throws -> [NewNotification] {
        guard release.milestones.release.sequence > release.projectedSequence else { return [] }
        let hasMilestone = release.milestones.all.count > release.projected
        return try destinations.filter { hasMilestone || !$0.tellsMilestonesOnly }
            .flatMap { try $0.messages(for: release.milestones) }
            .filter { now - $0.at < Self.oldest && isForItsTime($0, release) && release.isNews($0) }
    }

    /// What had ended before there was the destination is not told as news.
    private func isForItsTime(_ message: NewNotification, _ release: Followed) -> Bool {
        guard let beginning = beginnings[message.destination], message.at < beginning,
            let end = release.milestones.release.endedAt
        else { return true }
        return end >= beginning
    }

    private mutating func readEvents(of app: String, at now: Timestamp) async throws {
        guard var known = followed[app], let newest = known.keys.max() else {
            followed[app] = try await read(app, at: now)
            return
        }
        for number in try await journal.numbers(app: app, limit: Self.deepest) where number > newest {
            known[number] = Milestones(try await journal.events(app: app, number: number)).map {
                Followed(milestones: $0)
            }
        }
        for (number, release) in known {
            for event in try await journal.events(
                app: app, number: number, after: release.milestones.release.sequence)
            {
                known[number]?.milestones.append(event)
            }
        }
        followed[app] = known
    }

    /// The newest releases of an app, back to one that was live for longer than anybody is told of.
    private func read(_ app: String, at now: Timestamp) async throws -> [Int: Followed] {
        var found: [Int: Followed] = [:]
        for number in try await journal.numbers(app: app, limit: Self.deepest) {
            guard let milestones = Milestones(try await journal.events(app: app, number: number)) else { continue }
            found[number] = Followed(milestones: milestones)
            if milestones.release.hasBeenLive, now - milestones.release.updatedAt >= Self.oldest { break }
        }
        return found
    }

    private mutating func markProjected(_ app: String) {
        guard var known = followed[app], let newest = known.keys.max() else { return }
        for (number, release) in known {
            known[number]?.projected = release.milestones.all.count
            known[number]?.projectedSequence = release.milestones.release.sequence
            if number != newest, release.milestones.isFinal { known[number] = nil }
        }
        followed[app] = known.values.contains { !$0.milestones.release.state.hasEnded } ? known : nil
    }
}
