import Controller
import Crypto
import Foundation
import Journal
import NIOConcurrencyHelpers
import ReleaseMachine

/// Who makes a request.
package struct Identity: Sendable, Hashable {
    package var tokenID: String
    /// The token's name: what releases and the audit log call them.
    package var name: String
    package var role: Role
    /// The apps that they may see; `nil` is all.
    package var apps: [String]?

    init(_ record: TokenRecord) {
        tokenID = record.id
        name = record.name
        role = record.role
        apps = record.apps
    }

    package func sees(_ app: String) -> Bool { apps?.contains(app) ?? true }
    /// May release: for showing or hiding what can be done.
    package func mayRelease(_ app: String) -> Bool { role >= .deployer && sees(app) }
    /// Whether a token gives no more than they may give themselves: for some apps, what is for others too is none of their business.
    package func oversees(_ token: TokenRecord) -> Bool {
        guard let apps else { return true }
        return token.apps?.allSatisfy(apps.contains) ?? false
    }
}

/// A person's visit to the pages.
package struct Session: Sendable, Hashable {
    package var identity: Identity
    /// What every form has to bring along as `csrf`, and every other unsafe request in `X-CSRF-Token`.
    package var csrf: String
    var hash: [UInt8]
}

/// Knows tokens and sessions by what is brought, and forgets what it knows within a second, so that a revoked token is useless then.
package final class Access: Sendable {
    static let idle: Duration = .seconds(12 * 3600)
    static let absolute: Duration = .seconds(7 * 86_400)
    private static let memory: Duration = .seconds(1)

    private struct Known<Value: Sendable>: Sendable {
        var value: Value
        var until: ContinuousClock.Instant
    }

    private struct State: Sendable {
        var tokens: [[UInt8]: Known<TokenRecord>] = [:]
        var used: [String: Timestamp] = [:]
        var isOpen: Known<Bool>?
    }

    private let journal: Journal
    private let clock: any ReleaseClock
    private let state = NIOLockedValueBox(State())
    /// What came with a bad token, by address.
    package let failures = RateLimit(most: 20, within: .seconds(60))
    /// What was refused to whoever is in, by token.
    let refusals = RateLimit(most: 20, within: .seconds(60))
    /// Open streams, which end with their token or session.
    let streams = OpenStreams()

    init(journal: Journal, clock: any ReleaseClock) {
        self.journal = journal
        self.clock = clock
    }

    /// Whether there is any token that is good: without one nobody gets in.
    func hasTokens() throws -> Bool {
        if let known = state.withLockedValue({ $0.isOpen }), known.until > .now { return known.value }
        let now = clock.now
        let isOpen = try journal.tokens().contains { $0.isGood(at: now) }
        // That the first one was created is to be seen at once.
        if isOpen { state.withLockedValue { $0.isOpen = Known(value: true, until: .now + Access.memory) } }
        return isOpen
    }

    /// Whose token that is; `nil` when it is none, or no longer good.
    package func identity(bearing text: String) throws -> Identity? {
        guard let token = AccessToken(text) else { return nil }
        let hash = token.hash
        let known = state.withLockedValue { $0.tokens[hash] }
        let record: TokenRecord
        if let known, known.until > .now {
            record = known.value
        } else {
            guard let found = try journal.token(hash: hash) else { return nil }
            record = found
            state.withLockedValue { state in
                if state.tokens.count > 1000 { state.tokens = [:] }
                state.tokens[hash] = Known(value: found, until: .now + Access.memory)
            }
        }
        guard record.isGood(at: clock.now) else { return nil }
        try noteUse(of: record.id)
        return Identity(record)
    }

    /// To the minute: a write for every request would cost more than the request.
    private func noteUse(of id: String) throws {
        let now = clock.now
        let isDue = state.withLockedValue { state in
            if let last = state.used[id], now - last < .seconds(60) { return false }
            state.used[id] = now
            return true
        }
        if isDue { try journal.noteUse(ofToken: id, at: now) }
    }

    // MARK: - Sessions

    /// Opens a session with a token.
    /// - Returns: the cookie's value; `nil` when the token is not good.
    package func signIn(bearing text: String, origin: String) throws -> (cookie: String, session: Session)? {
        guard let identity = try identity(bearing: text) else { return nil }
        let now = clock.now
        let cookie = randomText()
        let session = Session(identity: identity, csrf: randomText(), hash: hash(cookie))
        try journal.forgetSessions(notSeenSince: now - Access.idle, begunBefore: now - Access.absolute)
        try journal.add(
            SessionRecord(token: identity.tokenID, csrf: session.csrf, createdAt: now, seenAt: now), hash: session.hash)
        try journal.note(
            AuditEntry(at: now, who: identity.name, token: identity.tokenID, action: "sign-in", origin: origin))
        return (cookie, session)
    }

    package func session(cookie: String) throws -> Session? {
        guard cookie.utf8.count == 43 else { return nil }
        let hash = hash(cookie)
        let now = clock.now
        guard let found = try journal.session(hash: hash), Access.isOpen(found, at: now),
            let token = try journal.token(id: found.token), token.isGood(at: now)
        else { return nil }
        if now - found.seenAt > .seconds(60) { try journal.noteVisit(ofSession: hash, at: now) }
        return Session(identity: Identity(token), csrf: found.csrf, hash: hash)
    }

    private static func isOpen(_ session: SessionRecord, at now: Timestamp) -> Bool {
        now - session.seenAt < idle && now - session.createdAt < absolute
    }

    package func signOut(_ session: Session, origin: String) throws {
        try journal.endSession(hash: session.hash)
        streams.ask(session.identity.tokenID)
        try journal.note(
            AuditEntry(
                at: clock.now, who: session.identity.name, token: session.identity.tokenID, action: "sign-out",
                origin: origin))
    }

    /// A token was revoked: nothing that is remembered of it counts any more, and its streams end.
    func forget(token id: String) {
        state.withLockedValue { state in state.tokens = state.tokens.filter { $0.value.value.id != id } }
        streams.ask(id)
    }

    /// Whether somebody who was let in a while ago would be let in now.
    func isStillIn(_ identity: Identity, _ session: Session?) throws -> Bool {
        let now = clock.now
        if let session {
            guard let found = try journal.session(hash: session.hash), Access.isOpen(found, at: now) else {
                return false
            }
        }
        return try journal.token(id: identity.tokenID)?.isGood(at: now) ?? false
    }

    private func hash(_ cookie: String) -> [UInt8] { Array(SHA256.hash(data: Data(cookie.utf8))) }
}

extension Timestamp {
    fileprivate static func - (later: Timestamp, length: Duration) -> Timestamp {
        Timestamp(milliseconds: later.milliseconds - length.milliseconds)
    }
}
