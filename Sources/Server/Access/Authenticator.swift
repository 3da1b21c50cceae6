import Controller
import Crypto
import Foundation
import Journal
import NIOConcurrencyHelpers
import ReleaseMachine

/// Authenticates requests by access token or session cookie. Tokens are cached for a second: the longest time that a token works after
/// another process revoked it.
package final class Authenticator: Sendable {
    /// A session ends after this time without a request.
    static let idle: Duration = .seconds(12 * 3600)
    /// A session ends after this time.
    static let absolute: Duration = .seconds(7 * 86_400)
    private static let cacheTime: Duration = .seconds(1)

    private struct Cached<Value: Sendable>: Sendable {
        var value: Value
        var expiry: ContinuousClock.Instant
    }

    private struct State: Sendable {
        var tokens: [[UInt8]: Cached<TokenRecord>] = [:]
        var lastUses: [String: Timestamp] = [:]
        var hasTokens: Cached<Bool>?
        /// One was valid since this process started.
        var hasHadTokens = false
    }

    private let journal: Journal
    private let clock: any ReleaseClock
    private let state = NIOLockedValueBox(State())
    /// Requests with a bad token, by address.
    package let failures: RateLimit
    /// Refused commands of authenticated users, by token.
    let refusals: RateLimit
    /// Open event streams, which end with their token or session.
    let streams = OpenStreams()

    init(journal: Journal, clock: any ReleaseClock, limits: RateLimits = RateLimits()) {
        self.journal = journal
        self.clock = clock
        failures = RateLimit(most: limits.badTokens, within: limits.window)
        refusals = RateLimit(most: limits.refusedCommands, within: limits.window)
    }

    /// Whether any token is valid. Without one every request is refused.
    func hasTokens() async throws -> Bool {
        if let cached = state.withLockedValue({ $0.hasTokens }), cached.expiry > .now { return cached.value }
        let now = clock.now
        let hasTokens = try await journal.tokens().contains { $0.isGood(at: now) }
        // Only `true` is cached: the first token works at once.
        if hasTokens {
            state.withLockedValue {
                $0.hasTokens = Cached(value: true, expiry: .now + Authenticator.cacheTime)
                $0.hasHadTokens = true
            }
        }
        return hasTokens
    }

    /// Whether a first token was created, for what nobody needs a token for afterwards. Such answers come from memory: while the journal does
    /// not answer, they are given without asking it for long.
    func hasHadTokens() async -> Bool {
        if state.withLockedValue({ $0.hasHadTokens }) { return true }
        let (answers, answer) = AsyncStream.makeStream(of: Bool.self)
        // Not children of this task: a read of the journal is not cut short.
        Task { answer.yield((try? await hasTokens()) ?? true) }
        let limit = Task {
            try await Task.sleep(for: Self.patience)
            answer.yield(true)
        }
        defer { limit.cancel() }
        return await answers.first { _ in true } ?? true
    }

    private static let patience = Duration.seconds(1)

    /// The owner of a token; `nil` when it is unknown, has expired or was revoked.
    package func identity(bearing text: String) async throws -> Identity? {
        guard let token = AccessToken(text) else { return nil }
        let hash = token.hash
        let cached = state.withLockedValue { $0.tokens[hash] }
        let record: TokenRecord
        if let cached, cached.expiry > .now {
            record = cached.value
        } else {
            guard let found = try await journal.token(hash: hash) else { return nil }
            record = found
            state.withLockedValue { state in
                if state.tokens.count > 1000 { state.tokens = [:] }
                state.tokens[hash] = Cached(value: found, expiry: .now + Authenticator.cacheTime)
            }
        }
        guard record.isGood(at: clock.now) else { return nil }
        try await recordUse(of: record.id)
        return Identity(record)
    }

    /// At most once a minute: a write for every request would cost more than the request.
    private func recordUse(of id: String) async throws {
        let now = clock.now
        let isDue = state.withLockedValue { state in
            if let last = state.lastUses[id], now - last < .seconds(60) { return false }
            state.lastUses[id] = now
            return true
        }
        if isDue { try await journal.noteUse(ofToken: id, at: now) }
    }

    // MARK: - Sessions

    /// Opens a session with a token.
    /// - Returns: the cookie's value; `nil` when the token is not valid.
    package func signIn(bearing text: String, origin: String) async throws -> (cookie: String, session: Session)? {
        guard let identity = try await identity(bearing: text) else { return nil }
        let now = clock.now
        let cookie = randomText()
        let session = Session(identity: identity, csrf: randomText(), hash: hash(cookie))
        try await journal.forgetSessions(
            notSeenSince: now - Authenticator.idle, begunBefore: now - Authenticator.absolute)
        try await journal.add(
            SessionRecord(token: identity.id, csrf: session.csrf, createdAt: now, seenAt: now), hash: session.hash)
        try await journal.note(
            AuditEntry(at: now, who: identity.name, token: identity.tokenID, action: "sign-in", origin: origin))
        return (cookie, session)
    }

    package func session(cookie: String) async throws -> Session? {
        guard cookie.utf8.count == 43 else { return nil }
        let hash = hash(cookie)
        let now = clock.now
        guard let found = try await journal.session(hash: hash), Authenticator.isOpen(found, at: now),
            let token = try await journal.token(id: found.token), token.isGood(at: now)
        else { return nil }
        if now - found.seenAt > .seconds(60) { try await journal.noteVisit(ofSession: hash, at: now) }
        return Session(identity: Identity(token), csrf: found.csrf, hash: hash)
    }

    private static func isOpen(_ session: SessionRecord, at now: Timestamp) -> Bool {
        now - session.seenAt < idle && now - session.createdAt < absolute
    }

    package func signOut(_ session: Session, origin: String) async throws {
        try await journal.endSession(hash: session.hash)
        streams.recheck(session.identity.id)
        try await journal.note(
            AuditEntry(
                at: clock.now, who: session.identity.name, token: session.identity.tokenID, action: "sign-out",
                origin: origin))
    }

    /// Removes a revoked token from the cache, and ends its streams.
    func forget(token id: String) {
        removeFromCache(id)
        streams.recheck(id)
    }

    private func removeFromCache(_ id: String) {
        state.withLockedValue { state in state.tokens = state.tokens.filter { $0.value.value.id != id } }
    }

    /// Whether an authenticated user would still be authenticated now.
    func isStillValid(_ identity: Identity, _ session: Session?) async throws -> Bool {
        let now = clock.now
        if let session {
            guard let found = try await journal.session(hash: session.hash), Authenticator.isOpen(found, at: now) else {
                return false
            }
        }
        let isGood = try await journal.token(id: identity.id)?.isGood(at: now) ?? false
        // Another process has revoked it: requests notice as soon as streams do.
        if !isGood { removeFromCache(identity.id) }
        return isGood
    }

    private func hash(_ cookie: String) -> [UInt8] { Array(SHA256.hash(data: Data(cookie.utf8))) }
}

extension Timestamp {
    fileprivate static func - (later: Timestamp, length: Duration) -> Timestamp {
        Timestamp(milliseconds: later.milliseconds - length.milliseconds)
    }
}
