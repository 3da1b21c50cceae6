import Controller
import Integrations
import Journal
import Logging
import ReleaseMachine
import ViridianConfiguration

/// Lists the tags of the apps' repositories every few minutes: most senders lose events, and registries do when they restart.
///
/// The first list of an app is what there is already, and starts nothing. Of the tags that are new in a later list the newest is handed to
/// the queue, as if its push had been told.
package actor TagPoller {
    private let apps: any ServedApps
    private let journal: Journal
    nonisolated let lookup: any VersionLookup
    private let inbox: Inbox
    private let queue: ReleaseQueue
    private let clock: any ReleaseClock
    private let settings: HookSettings
    private let logger: Logger

    private var unreadable: [String: UnreadableTags] = [:]
    private var inProgress: Set<String> = []
    /// When the last list of an app was complete.
    private var listed: [String: Timestamp] = [:]
    /// The apps of which no list has ended since the start, well or not, and when that was.
    private var unlisted: Set<String>
    private var startedAt: Timestamp?
    private let firstLists = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// The most tags of the first list whose images are read; the others are known by name.
    private static let read = 20
    /// The most new tags of a later list whose images are read.
    private static let mostNew = 1000
    /// The most tags of which every list finds out where they point.
    private static let mostMoving = 20
    /// How long an app's deliveries wait for a first list that is slow.
    private static let longestWait = Duration.seconds(60)
    /// The first pause after a list that failed.
    private static let pause = Duration.seconds(15)

    init(
        apps: any ServedApps, journal: Journal, lookup: any VersionLookup, inbox: Inbox, queue: ReleaseQueue,
        clock: any ReleaseClock, settings: HookSettings, logger: Logger
    ) {
        self.apps = apps
        self.journal = journal
        self.lookup = lookup
        self.inbox = inbox
        self.queue = queue
        self.clock = clock
        self.settings = settings
        self.logger = logger
        unlisted = Set(TagPoller.polled(apps, settings).map(\.name.text))
    }

    // MARK: - When

    /// The apps whose registries are asked.
    nonisolated var polled: [AppConfiguration] { TagPoller.polled(apps, settings) }

    private static func polled(_ apps: any ServedApps, _ settings: HookSettings) -> [AppConfiguration] {
        apps.configurations.filter { settings.asksRegistry(of: $0) }
    }

    private func interval(_ app: AppConfiguration) -> Duration {
        settings.registries.first { app.image.isInRegistry($0.host) }?.poll ?? .seconds(300)
    }

    /// Lists now, and again and again until cancelled.
    func run() async {
        startedAt = clock.now
        await withDiscardingTaskGroup { group in
            for app in polled { group.addTask { await self.watch(app) } }
        }
    }

    private func watch(_ app: AppConfiguration) async {
        var failures = 0
        while !Task.isCancelled {
            let isDone = await list(app)
            if unlisted.remove(app.name.text) != nil, unlisted.isEmpty { firstLists.continuation.finish() }
            failures = isDone ? 0 : failures + 1
            let soon = TagPoller.pause * (1 << min(max(failures - 1, 0), 6))
            try? await clock.sleep(for: isDone ? interval(app) : min(soon, interval(app)))
        }
    }

    /// Returns when every app's tags were listed once, or that failed, or after `limit`: of several versions that were pushed while the server
    /// was down, the newest is known then.
    func waitForFirstLists(within limit: Duration) async {
        guard !unlisted.isEmpty else { return }
        await withTaskGroup { [clock, firstLists] group in
            group.addTask { for await _ in firstLists.stream {} }
            group.addTask { try? await clock.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Whether the first list of an app since the start is still being made: what was pushed meanwhile cannot be ordered yet.
    func isWaiting(forFirstListOf app: String) -> Bool {
        guard unlisted.contains(app), let startedAt else { return false }
        return clock.now < startedAt + TagPoller.longestWait
    }

    /// Lists an app's tags now, within `limit`, where the last list is older than a few seconds.
    /// - Returns: whether the tags are known.
    func refresh(_ app: AppConfiguration, within limit: Duration) async -> Bool {
        if let last = listed[app.name.text], clock.now < last + .seconds(5) { return true }
        return await withTaskGroup { [clock] group in
            group.addTask { await self.list(app) }
            group.addTask {
                try? await clock.sleep(for: limit)
                return false
            }
            let isDone = await group.next() ?? false
            group.cancelAll()
            return isDone
        }
    }

    /// - Returns: whether the list is complete now.
    func list(_ app: AppConfiguration) async -> Bool {
        let name = app.name.text
        guard inProgress.insert(name).inserted else { return false }
        defer { inProgress.remove(name) }
        do {
            try await update(app)
            listed[name] = clock.now
            return true
        } catch {
            if !Task.isCancelled {
                logger.warning(
                    "the registry's tags cannot be listed",
                    metadata: ["app": "\(name)", "error": "\("\(error)".oneLine)"])
            }
            return false
        }
    }

    // MARK: - A list

    private struct Found: Sendable {
        var version: PushedVersion
        var createdAt: Timestamp?
    }

    private func update(_ app: AppConfiguration) async throws {
        let name = app.name.text
        let tags = try await tags(app)
        let isFirst = try await journal.tagsListed(app: name) == nil
        let known = Set(try await journal.tags(app: name))
        let new = tags.filter { !known.contains($0) && !skips($0, of: name) }
        let read = Array(new.suffix(isFirst ? TagPoller.read : TagPoller.mostNew))
        var found: [Found] = []
        var named = Array(new.dropLast(read.count))
        for tag in await read + (try moving(tags, app)).filter({ !read.contains($0) }) {
            let image: RegistryImage
            switch try await answer(app, tag) {
            case .image(let found): image = found
            case .noImage: continue
            case .unreadable:
                // It was there before: when it can be read it is not new.
                if isFirst { named.append(tag) }
                continue
            }
            var version = PushedVersion(app: name, version: tag, pushedAt: clock.now, sender: "poll")
            version.add(image)
            if isFirst, let createdAt = image.createdAt { version.pushedAt = min(createdAt, clock.now) }
            if try await journal.version(app: name, tag: tag)?.digest == version.digest { continue }
            found.append(Found(version: version, createdAt: image.createdAt))
        }
        try await journal.note(
            named.map { PushedVersion(app: name, version: $0, pushedAt: Timestamp(milliseconds: 0), sender: "poll") })
        if !isFirst { try await release(&found, of: app) }
        try await journal.note(found.map(\.version))
        try await journal.noteTagsListed(app: name, at: clock.now)
    }

    /// Of those that nobody told of, only the newest is to be released. They are known only afterwards: a list that was cut short is repeated.
    private func release(_ found: inout [Found], of app: AppConfiguration) async throws {
        // When they were pushed is not known: in the order in which they were built, and before now.
        found.sort { ($0.createdAt ?? clock.now) < ($1.createdAt ?? clock.now) }
        for index in found.indices {
            found[index].version.pushedAt = clock.now + .milliseconds(index - found.count)
        }
        let wanted = found.map(\.version).filter { app.releaseOn?.matches(tag: $0.version) ?? false }
        guard var newest = wanted.first else { return }
        for other in wanted.dropFirst() where newest.isOlder(than: other) != nil { newest = other }
        try await submit(newest)
    }

    /// The tags that may be versions. A repository to which nothing has been pushed yet does not exist.
    private func tags(_ app: AppConfiguration) async throws(RegistryError) -> [String] {
        do {
            return try await lookup.tags(app).filter { (try? Version($0)) != nil && !HookNames.refersToImage($0) }
        } catch {
            guard error.kind == .noSuchRepository else { throw error }
            return []
        }
    }

    private func skips(_ tag: String, of app: String) -> Bool {
        unreadable[app]?.skips(tag, at: clock.now) ?? false
    }

    private enum Answer: Sendable {
        case image(RegistryImage)
        case noImage
        /// There may be an image.
        case unreadable
    }

    /// - Throws: what concerns the registry. What is wrong with one image does not keep the others from being known.
    private func answer(_ app: AppConfiguration, _ tag: String) async throws(RegistryError) -> Answer {
        let name = app.name.text
        guard !skips(tag, of: name) else { return .noImage }
        do {
            guard let image = try await lookup.image(app, tag), image.isImage else {
                unreadable[name, default: UnreadableTags()].noteNoImage(tag, at: clock.now)
                return .noImage
            }
            unreadable[name]?.noteImage(tag)
            return .image(image)
        } catch {
            guard unreadable[name, default: UnreadableTags()].note(error, for: tag, at: clock.now) else { throw error }
            logger.warning(
                "an image of the registry cannot be read, and is left out",
                metadata: ["app": "\(name)", "tag": "\(tag)", "error": "\("\(error)".oneLine)"])
            return .unreadable
        }
    }

    /// Tags that are moved to other images, such as `latest`: those that have been, and those that a release may start from and that are no
    /// number. A tag without digits is more likely to move than the name of a commit.
    private func moving(_ tags: [String], _ app: AppConfiguration) async throws -> [String] {
        let moved = Set(try await journal.movedTags(app: app.name.text))
        func rank(_ tag: String) -> (Int, Int, Int, String) {
            let hasDigits = tag.utf8.contains { (0x30...0x39).contains($0) }
            return (hasDigits ? 1 : 0, moved.contains(tag) ? 0 : 1, tag.utf8.count, tag)
        }
        let candidates = tags.filter {
            moved.contains($0) || VersionNumber($0) == nil && app.releaseOn?.matches(tag: $0) ?? false
        }
        return Array(candidates.sorted { rank($0) < rank($1) }.prefix(TagPoller.mostMoving))
    }

    private func submit(_ version: PushedVersion) async throws {
        let delivery = NewDelivery(
            at: clock.now, sender: "poll", key: "\(version.app):\(version.version)@\(version.digest ?? "")",
            kind: "tag", origin: "registry", events: "[]", outcome: "found in the registry's list of tags")
        let (id, _) = try await inbox.receive(delivery)
        let result = try await queue.submit(
            ReleaseQueue.Submission(
                version: version, delivery: id, requester: .hook, requestedBy: "registry poll",
                reason: "found in the registry's list of tags"))
        if result.state != .waiting, result.state != .starting { try await journal.record(result, of: id) }
        logger.info("\(result.sentence)", metadata: ["app": "\(version.app)", "version": "\(version.version)"])
    }
}
