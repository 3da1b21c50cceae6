import Controller
import Foundation
import Integrations
import Journal
import Logging
import ReleaseMachine

/// What people in Slack ask for: written to the journal first, then acknowledged, then acted on.
package actor SlackRequests {
    /// What became of a request before it is acknowledged.
    package enum Receipt: Sendable, Hashable {
        /// It is in the journal, and will be acted on.
        case written
        /// It came before: nothing happens.
        case repeated
        /// Too many requests of one person: nothing happens. The sentence says when to try again.
        case tooMany(String)
    }

    let access: SlackAccess
    let journal: Journal
    let clock: any ReleaseClock
    let logger: Logger
    let identities: SlackIdentities
    /// Requests by person.
    private let pace = RateLimit(most: 30, within: .seconds(60))
    private let wakeup = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    private var inProgress: Set<String> = []
    private var waiting = 0

    /// How many requests wait for Slack at once, to say who somebody is, or for a release to begin.
    private static let mostWaiting = 32
    private static let mostRead = 1000
    /// Between attempts when the journal cannot be used.
    private static let pause = Duration.seconds(5)

    init(_ access: SlackAccess, journal: Journal, clock: any ReleaseClock, logger: Logger) {
        self.access = access
        self.journal = journal
        self.clock = clock
        self.logger = logger
        identities = SlackIdentities(access, journal: journal, clock: clock)
    }

    /// Writes a request to the journal, from where `run` takes it. Slack may be told that it arrived as soon as this returns. `id` tells a
    /// repeated request apart.
    package nonisolated func receive(_ request: SlackRequest, id: String) throws -> Receipt {
        if try journal.hasSlackRequest(id) { return .repeated }
        if let excess = pace.count("\(request.team) \(request.user.id)") {
            let seconds = max(1, Int(excess.wait.components.seconds))
            return .tooMany("Too many requests: nothing was done. Try again in \(counted(seconds, "second")).")
        }
        let text = String(decoding: try JSONEncoder().encode(request), as: UTF8.self)
        guard try journal.add(WrittenSlackRequest(id: id, at: clock.now, request: text)) else { return .repeated }
        wakeup.continuation.yield()
        return .written
    }

    // MARK: - Acting

    /// Acts on what is written until cancelled.
    func run(_ services: Services) async {
        wakeup.continuation.yield()
        await withDiscardingTaskGroup { group in
            group.addTask { await self.identities.prepare() }
            group.addTask { await self.forgetOld() }
            for await _ in wakeup.stream {
                guard !Task.isCancelled else { break }
                do {
                    try await actOnWritten(services, &group)
                } catch {
                    logger.error("requests from Slack cannot be read, retrying", metadata: ["error": "\(error)"])
                    group.addTask { await self.wakeLater() }
                }
            }
            group.cancelAll()
        }
    }

    /// In the order in which they were written: the first word counts. Only what has to wait is overtaken.
    private func actOnWritten(_ services: Services, _ group: inout DiscardingTaskGroup) async throws {
        // Those that are in progress now may have ended by the time of their turn.
        let open = try journal.slackRequestsToActOn(limit: Self.mostRead).filter { !inProgress.contains($0.id) }
        for written in open {
            guard let request = try? JSONDecoder().decode(SlackRequest.self, from: Data(written.request.utf8)) else {
                // Written by another version of the server.
                logger.error("a request from Slack cannot be read", metadata: ["id": "\(written.id)"])
                try journal.finish(slackRequest: written.id, answer: nil, at: clock.now)
                continue
            }
            let act = SlackAct(written: written, request: request, requests: self, services: services)
            if act.command.isQuick, let verdict = try await identities.known(request) {
                inProgress.insert(written.id)
                let answer = await act.run(verdict)
                group.addTask { await self.end(act, answer) }
            } else if waiting < Self.mostWaiting {
                inProgress.insert(written.id)
                waiting += 1
                group.addTask {
                    let answer = await act.run(nil)
                    await self.stopWaiting()
                    await self.end(act, answer)
                }
            }
        }
    }

    private func stopWaiting() { waiting -= 1 }

    /// Without an answer, the request is acted on again a little later.
    private func end(_ act: SlackAct, _ answer: SlackText?) async {
        if answer == nil { try? await clock.sleep(for: Self.pause) }
        inProgress.remove(act.written.id)
        wakeup.continuation.yield()
        if let answer { await act.tell(answer) }
    }

    private func wakeLater() async {
        try? await clock.sleep(for: Self.pause)
        wakeup.continuation.yield()
    }

    /// A signature is good for five minutes, a link for half an hour.
    private func forgetOld() async {
        while !Task.isCancelled {
            do {
                try journal.forgetSlackRequests(
                    before: clock.now + .seconds(-86_400), linksBefore: clock.now + (.zero - SlackConnections.lifetime))
            } catch {
                logger.error("old requests from Slack cannot be deleted", metadata: ["error": "\(error)"])
            }
            try? await clock.sleep(for: .seconds(3600))
        }
    }
}
