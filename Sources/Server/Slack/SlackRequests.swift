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
        /// What it asks for came before: nothing happens.
        case repeated
        /// It came before with the same signature: nothing happens.
        case replayed
        /// Too many requests of one person: nothing happens. The sentence says when to try again; of a button, they are told it.
        case tooMany(String)
    }

    /// How a request came.
    package enum Delivery: Sendable, Hashable {
        /// With this signature, made at this time.
        case signed(String, at: Timestamp)
        /// Over a connection of Socket Mode, in the envelope of this id.
        case envelope(String)
    }

    let access: SlackAccess
    let journal: Journal
    let clock: any ReleaseClock
    let logger: Logger
    let identities: SlackIdentities
    private let reply: SlackReply
    /// For which server requests are claimed: no other one acts on them meanwhile.
    private let server: String
    /// Requests by person.
    private let pace: RateLimit
    private let wakeup = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    /// What people are told of requests that are not in the journal.
    private let refused = AsyncStream.makeStream(
        of: (request: SlackRequest, sentence: String).self, bufferingPolicy: .bufferingOldest(100))
    private var inProgress: Set<String> = []
    /// Requests whose people know that they wait for the journal.
    private var held: Set<String> = []
    private var waiting = 0
    private var isPausing = false

    /// How many requests wait for Slack at once, to say who somebody is, or for a release to begin.
    private static let mostWaiting = 32
    private static let mostRead = 1000
    /// Between attempts when the journal cannot be used.
    private static let pause = Duration.seconds(5)

    init(
        _ access: SlackAccess, journal: Journal, clock: any ReleaseClock, server: String = ReleaseLock.newID(),
        limits: RateLimits = RateLimits(), logger: Logger
    ) {
        self.access = access
        self.journal = journal
        self.clock = clock
        self.server = server
        self.logger = logger
        pace = RateLimit(most: limits.slackRequests, within: limits.window)
        identities = SlackIdentities(access, journal: journal, clock: clock)
        reply = SlackReply(client: access.client, clock: clock, logger: logger)
    }

    /// Writes a request to the journal, from where `run` takes it. Slack may be told that it arrived as soon as this returns.
    package nonisolated func receive(_ request: SlackRequest, _ delivery: Delivery) async throws -> Receipt {
        let (id, signature, sentAt): (String, String?, Timestamp?) =
            switch delivery {
            case .signed(let signature, let time): (signature, signature, time)
            // What Slack sends again may have another envelope.
            case .envelope(let id): (request.occurrence ?? "envelope:\(id)", nil, nil)
            }
        if let signature, try await journal.hasSlackSignature(signature) { return .replayed }
        if try await !journal.hasSlackRequest(id), let excess = pace.count("\(request.team) \(request.user.id)") {
            // Nobody has it done later by sending it again.
            if let signature, try await !journal.add(slackSignature: signature, at: clock.now) { return .replayed }
            let seconds = max(1, Int(excess.wait.components.seconds))
            let sentence = "Too many requests: nothing was done. Try again in \(counted(seconds, "second"))."
            // What a button is answered with is not shown to anybody.
            if case .button = request.action, excess.isFirst { refused.continuation.yield((request, sentence)) }
            return .tooMany(sentence)
        }
        let now = clock.now
        let text = String(decoding: try JSONEncoder().encode(request), as: UTF8.self)
        let row = WrittenSlackRequest(id: id, at: now, sentAt: sentAt, request: text)
        switch try await journal.add(row, signature: signature) {
        case .repeated: return .repeated
        case .replayed: return .replayed
        case .written:
            wakeup.continuation.yield()
            return .written
        }
    }

    /// Another server may be gone, and what it has claimed is free.
    nonisolated func noteOtherServers() { wakeup.continuation.yield() }

    // MARK: - Acting

    /// Acts on what is written until cancelled.
    func run(_ services: Services) async {
        wakeup.continuation.yield()
        await withDiscardingTaskGroup { group in
            group.addTask { await self.identities.prepare() }
            group.addTask { await self.forgetOld() }
            group.addTask { await self.tellRefused() }
            for await _ in wakeup.stream {
                guard !Task.isCancelled else { break }
                guard !isPausing else { continue }
                do {
                    try await actOnWritten(services, &group)
                } catch {
                    logger.error("requests from Slack cannot be read, retrying", metadata: ["error": "\(error)"])
                    pause(&group)
                }
            }
            group.cancelAll()
        }
    }

    /// In the order in which they were written: who asks first decides. Only what has to wait is overtaken.
    private func actOnWritten(_ services: Services, _ group: inout DiscardingTaskGroup) async throws {
        // One that was in progress before they are read may have ended by now, and be read as open all the same. Its end wakes again.
        let before = inProgress
        let open = try await journal.claimSlackRequests(for: server, limit: Self.mostRead)
            .filter { !before.contains($0.id) }
        var problem: JournalError?
        for written in open {
            guard let request = try? JSONDecoder().decode(SlackRequest.self, from: Data(written.request.utf8)) else {
                // Written by another version of the server.
                logger.error("a request from Slack cannot be read", metadata: ["id": "\(written.id)"])
                try await journal.finish(slackRequest: written.id, answer: nil, at: clock.now)
                continue
            }
            let act = SlackAct(written: written, request: request, requests: self, services: services)
            if act.command.isQuick, let verdict = try await identities.known(request) {
                inProgress.insert(written.id)
                // What comes later does not overtake what waits for the journal.
                let outcome: SlackAct.Outcome
                if let problem, act.command.action != nil {
                    outcome = .held(problem)
                } else {
                    outcome = await act.run(verdict)
                }
                if case .held(let error) = outcome {
                    problem = error
                    inProgress.remove(written.id)
                    if hold(act, error) { group.addTask { await self.reply.tell(act.holdup, to: request) } }
                } else {
                    group.addTask { await self.end(act, outcome) }
                }
            } else if waiting < Self.mostWaiting {
                inProgress.insert(written.id)
                waiting += 1
                group.addTask {
                    let outcome = await act.run(nil)
                    await self.stopWaiting()
                    await self.end(act, outcome)
                }
            }
        }
        if problem != nil { pause(&group) }
    }

    private func stopWaiting() { waiting -= 1 }

    private func end(_ act: SlackAct, _ outcome: SlackAct.Outcome) async {
        switch outcome {
        case .stopped: await sleep(act)
        case .done(let answer, let isWritten):
            async let told: Void = reply.tell(answer, to: act.request)
            if !isWritten { await finish(act, answer) }
            held.remove(act.written.id)
            release(act)
            await told
        case .held(let error):
            let isFirst = hold(act, error)
            async let told: Void = isFirst ? reply.tell(act.holdup, to: act.request) : ()
            await sleep(act)
            await told
        }
    }

    /// The journal cannot be used, and the request is acted on a little later.
    /// - Returns: whether the person has not been told so yet.
    private func hold(_ act: SlackAct, _ error: JournalError) -> Bool {
        guard held.insert(act.written.id).inserted else { return false }
        logger.error("a request from Slack cannot be acted on yet", metadata: ["error": "\(error)"])
        return true
    }

    private func sleep(_ act: SlackAct) async {
        try? await clock.sleep(for: Self.pause)
        release(act)
    }

    /// The request may be acted on again, if it is still open.
    private func release(_ act: SlackAct) {
        inProgress.remove(act.written.id)
        wakeup.continuation.yield()
    }

    /// Writes down what was done, as soon as the journal can be written. Until then it is not done again.
    private func finish(_ act: SlackAct, _ answer: SlackText) async {
        logger.error("what a person in Slack asked for is done, and cannot be written down yet")
        while !Task.isCancelled {
            try? await clock.sleep(for: Self.pause)
            if await (try? act.finish(answer)) != nil { return }
        }
    }

    /// Nothing is acted on for a little while.
    private func pause(_ group: inout DiscardingTaskGroup) {
        isPausing = true
        group.addTask { await self.endPause() }
    }

    private func endPause() async {
        try? await clock.sleep(for: Self.pause)
        isPausing = false
        wakeup.continuation.yield()
    }

    private func tellRefused() async {
        await withDiscardingTaskGroup { group in
            for await (request, sentence) in refused.stream {
                group.addTask { await self.reply.tell(SlackText(sentence), to: request) }
            }
            group.cancelAll()
        }
    }

    /// A signature is good for five minutes, a link for half an hour.
    private func forgetOld() async {
        while !Task.isCancelled {
            do {
                try await journal.forgetSlackRequests(
                    before: clock.now + .seconds(-86_400), linksBefore: clock.now + (.zero - SlackConnections.lifetime))
            } catch {
                logger.error("old requests from Slack cannot be deleted", metadata: ["error": "\(error)"])
            }
            try? await clock.sleep(for: .seconds(3600))
        }
    }
}
