import Foundation
import TestSupport
import Testing

/// Moments of a release on two nodes: what the journal has then, and nothing after it.
enum ReleaseMoment: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case requested
    case discovered
    case candidateCreated
    case podsReady
    case oneNodeStaged
    /// For verification. The only one that lasts: a person has to promote the release.
    case paused
    case allNodesStaged
    case candidateConfirmed
    case oneNodeSwitched
    case allNodesSwitched
    case liveRecorded
    case drained
    case readBack

    var testDescription: String { rawValue }

    /// The phase that the release is in; what it does there has begun, and is often done, but nobody knows.
    var phase: String {
        switch self {
        case .requested: "discovering"
        case .discovered: "creating"
        case .candidateCreated: "starting"
        case .podsReady, .oneNodeStaged: "staging"
        case .paused: "verifying"
        case .allNodesStaged, .candidateConfirmed, .oneNodeSwitched: "switching"
        case .allNodesSwitched, .liveRecorded: "draining"
        case .drained, .readBack: "retiring"
        }
    }

    static let phases = [
        "discovering", "creating", "starting", "staging", "verifying", "switching", "draining", "retiring",
    ]

    /// The event that the moment comes after, and how many of it there are then.
    fileprivate var event: (name: String, count: Int) {
        switch self {
        case .oneNodeStaged: ("nodeStaged", 1)
        case .paused, .allNodesStaged: ("nodeStaged", 2)
        case .oneNodeSwitched: ("nodeSwitched", 1)
        case .allNodesSwitched: ("nodeSwitched", 2)
        default: (rawValue, 1)
        }
    }
}

/// Keeps a journal in PostgreSQL at a moment of a release: what a server appends after it waits in its transaction. So a test can disturb
/// whatever it likes in each phase, however fast or slow the machine is.
struct JournalHold: Sendable {
    private let uri: String

    /// Its table is empty after a crash of PostgreSQL (UNLOGGED): nothing is held any more then.
    init(_ uri: String) async throws {
        self.uri = uri
        try await PostgreSQLServer.psql(
            uri,
            """
            CREATE UNLOGGED TABLE held (number BIGINT, event TEXT, count BIGINT);
            CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                WHILE EXISTS (
                    SELECT FROM held WHERE held.number = NEW.number AND held.count <= (
                        SELECT count(*) FROM events e WHERE e.number = NEW.number AND e.event LIKE '{"' || held.event || '":%'
                            AND e.xmin <> pg_current_xact_id()::xid))
                LOOP PERFORM pg_sleep(0.005); END LOOP;
                RETURN NEW;
            END $$;
            CREATE TRIGGER hold BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION hold()
            """)
    }

    /// From this moment of a release on, which must not have come yet.
    func begin(at moment: ReleaseMoment, of number: Int) async throws {
        let event = moment.event
        try await PostgreSQLServer.psql(uri, "INSERT INTO held VALUES (\(number), '\(event.name)', \(event.count))")
    }

    /// Returns when somebody wants to go on and cannot.
    func waitUntilReached() async throws {
        let waiting = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        let isReached = try await eventually(within: .seconds(600)) {
            try await PostgreSQLServer.psql(uri, waiting) == "t"
        }
        try #require(isReached)
    }

    func end() async throws { try await PostgreSQLServer.psql(uri, "DELETE FROM held") }
}
