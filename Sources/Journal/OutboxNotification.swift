import ReleaseMachine

/// A message about a release for one destination, not in the outbox yet.
package struct NewNotification: Sendable, Hashable {
    package var destination: String
    /// What the payload is: `deployment`.
    package var kind: String
    package var app: String
    package var number: Int
    /// Tells the messages about one release apart: `success`.
    package var message: String
    /// JSON.
    package var payload: String
    /// When what it tells happened.
    package var at: Timestamp
    /// Messages of one lane go out in order, those of different lanes independently.
    package var lane: String
    /// Of the messages that may go out, those with lower priorities go first.
    package var priority: Int
    /// It is not sent before this time, and nothing waits for it until then.
    package var notBefore: Timestamp?
    /// A later message of the same name replaces it: only the newest state matters.
    package var isReplaced: Bool

    package init(
        destination: String, kind: String, app: String, number: Int, message: String, payload: String, at: Timestamp,
        lane: String? = nil, priority: Int = 0, notBefore: Timestamp? = nil, isReplaced: Bool = false
    ) {
        self.lane = lane ?? app
        self.priority = priority
        self.notBefore = notBefore
        self.isReplaced = isReplaced
        self.destination = destination
        self.kind = kind
        self.app = app
        self.number = number
        self.message = message
        self.payload = payload
        self.at = at
    }
}

/// A message in the outbox, and what has become of it.
package struct OutboxNotification: Sendable, Hashable {
    package enum State: String, Sendable, Hashable, Codable, CaseIterable {
        /// To be sent at `nextAt`, again or for the first time.
        case pending
        case delivered
        /// Not tried any more until somebody sends it again.
        case failed
        /// Not sent, because the receiver has been told something later.
        case obsolete
    }

    /// Higher for each new one.
    package var id: Int
    package var destination: String
    package var kind: String
    package var app: String
    package var number: Int
    package var message: String
    /// JSON.
    package var payload: String
    package var at: Timestamp
    package var state: State
    package var attempts: Int
    /// Since when it is pending, or was.
    package var queuedAt: Timestamp
    package var nextAt: Timestamp
    package var triedAt: Timestamp?
    /// What the receiver answered to the newest attempt, or why it was not reached.
    package var answer: String?
    package var externalID: String?
    package var lane: String
    package var priority: Int
    /// It is not sent before this time; `nil` where it may be sent at once.
    package var notBefore: Timestamp?
    /// A person asked to send it again.
    package var isResent: Bool
    /// How often a later message has replaced it.
    package var revision: Int

    init(_ row: Row) {
        lane = row["lane"]
        priority = row["priority"]
        let notBefore: Int64 = row["not_before"]
        self.notBefore = notBefore > 0 ? Timestamp(milliseconds: notBefore) : nil
        isResent = row["is_resent"]
        revision = row["revision"]
        id = row["id"]
        destination = row["destination"]
        kind = row["kind"]
        app = row["app"]
        number = row["number"]
        message = row["message"]
        payload = row["payload"]
        at = Timestamp(milliseconds: row["at"])
        state = State(rawValue: row["state"]) ?? .failed
        attempts = row["attempts"]
        queuedAt = Timestamp(milliseconds: row["queued_at"])
        nextAt = Timestamp(milliseconds: row["next_at"])
        let tried: Int64? = row["tried_at"]
        triedAt = tried.map(Timestamp.init(milliseconds:))
        answer = row["answer"]
        externalID = row["external_id"]
    }
}
