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
package struct TagPoller: Sendable {
    let apps: any ServedApps
    let journal: Journal
    let lookup: any VersionLookup
    let inbox: Inbox
    let queue: ReleaseQueue
    let clock: any ReleaseClock
    let settings: HookSettings
    let logger: Logger

    /// The most tags of the first list whose images are read; the others are known by name.
    private static let read = 20
    /// The most new tags of a later list.
    private static let mostNew = 200

    /// The apps whose registries are asked.
    var polled: [AppConfiguration] {
        apps.configurations.filter { app in
            app.releaseOn != nil || settings.hooks.isAnyOn
                || settings.registries.contains { app.image.isInRegistry($0.host) }
        }
    }

    private func interval(_ app: AppConfiguration) -> Duration {
        settings.registries.first { app.image.isInRegistry($0.host) }?.poll ?? .seconds(300)
    }

    /// One list for every app, within `limit`: before anything that was delivered is acted on, so that of several versions that were pushed
    /// while the server was down the newest is known.
    func runOnce(within limit: Duration) async {
        await withTaskGroup { group in
            group.addTask {
                await withDiscardingTaskGroup { group in
                    for app in polled { group.addTask { _ = await poll(app) } }
                }
            }
            group.addTask { try? await clock.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Lists again and again until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for app in polled {
                group.addTask {
                    var wait = interval(app)
                    while !Task.isCancelled {
                        try? await clock.sleep(for: wait)
                        guard !Task.isCancelled else { return }
                        let isDone = await poll(app)
                        wait = isDone ? interval(app) : min(wait * 2, interval(app) * 4)
                    }
                }
            }
        }
    }

    /// - Returns: whether the registry answered.
    private func poll(_ app: AppConfiguration) async -> Bool {
        do {
            try await list(app)
            return true
        } catch {
            if !Task.isCancelled {
                logger.warning(
                    "the registry's tags cannot be listed",
                    metadata: ["app": "\(app.name)", "error": "\("\(error)".oneLine)"])
            }
            return false
        }
    }

    private func list(_ app: AppConfiguration) async throws {
        let name = app.name.text
        let tags = try await tags(app).filter { (try? Version($0)) != nil }
        let isFirst = try journal.tagsListed(app: name) == nil
        let known = Set(try journal.tags(app: name))
        let new = tags.filter { !known.contains($0) }
        var found: [(version: PushedVersion, createdAt: Timestamp?)] = []
        for tag in new.suffix(isFirst ? TagPoller.read : TagPoller.mostNew) + moving(tags, app) {
            guard let image = try await lookup.image(app, tag), image.isImage else { continue }
            var version = PushedVersion(app: name, version: tag, pushedAt: clock.now, sender: "poll")
            version.add(image)
            if isFirst, let createdAt = image.createdAt { version.pushedAt = min(createdAt, clock.now) }
            if try journal.version(app: name, tag: tag)?.digest == version.digest { continue }
            found.append((version, image.createdAt))
        }
        if isFirst {
            let named = new.dropLast(TagPoller.read).map {
                PushedVersion(app: name, version: $0, pushedAt: Timestamp(milliseconds: 0), sender: "poll")
            }
            for version in named { try journal.note(version) }
        } else {
            // When they were pushed is not known: in the order in which they were built, and before now.
            found.sort { ($0.createdAt ?? clock.now) < ($1.createdAt ?? clock.now) }
            for index in found.indices {
                found[index].version.pushedAt = clock.now + .milliseconds(index - found.count)
            }
            let wanted = found.map(\.version).filter { app.releaseOn?.matches(tag: $0.version) ?? false }
            // Of those that nobody told of, only the newest is to be released. They are known only afterwards: a list that was cut short is
            // repeated.
            if var newest = wanted.first {
                for other in wanted.dropFirst() where newest.isOlder(than: other) != nil { newest = other }
                try await submit(newest)
            }
        }
        for version in found.map(\.version) { try journal.note(version) }
        try journal.noteTagsListed(app: name, at: clock.now)
    }

    /// A repository to which nothing has been pushed yet does not exist.
    private func tags(_ app: AppConfiguration) async throws(RegistryError) -> [String] {
        do {
            return try await lookup.tags(app)
        } catch {
            guard error.kind == .noSuchRepository else { throw error }
            return []
        }
    }

    /// Tags that are moved to another image, such as `latest`: those that a release may start from and that are no number.
    private func moving(_ tags: [String], _ app: AppConfiguration) -> [String] {
        Array(tags.filter { VersionNumber($0) == nil && app.releaseOn?.matches(tag: $0) ?? false }.prefix(10))
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
        if result.state != .waiting { try journal.record(result, of: id) }
        logger.info("\(result.sentence)", metadata: ["app": "\(version.app)", "version": "\(version.version)"])
    }
}
