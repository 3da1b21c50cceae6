/// The steps of a release, in order.
package enum Phase: String, Sendable, Hashable, Codable, CaseIterable, Comparable, CustomStringConvertible {
    case discovering
    case creating
    case starting
    case staging
    case verifying
    case switching
    case draining
    case retiring
    case done

    package var description: String { rawValue }

    private var position: Int { Phase.allCases.firstIndex(of: self) ?? 0 }
    package static func < (one: Phase, other: Phase) -> Bool { one.position < other.position }
}

extension Release {
    /// The state of a release.
    package enum State: String, Sendable, Hashable, Codable, CaseIterable, CustomStringConvertible {
        case running
        /// Paused for verification: awaiting promotion.
        case paused
        case live
        /// Ended without going live; traffic is where it was.
        case failed
        case aborted
        /// Traffic was moved and moved back: by an abort during the release, or by a later rollback.
        case rolledBack
        /// Was live until a later release replaced it.
        case superseded

        package var description: String { rawValue }
        package var hasEnded: Bool { self != .running && self != .paused }
    }
}

/// When a release was in a phase.
package struct PhaseSpan: Sendable, Hashable, Codable {
    package var phase: Phase
    package var startedAt: Timestamp
    package var endedAt: Timestamp?

    package init(phase: Phase, startedAt: Timestamp, endedAt: Timestamp? = nil) {
        self.phase = phase
        self.startedAt = startedAt
        self.endedAt = endedAt
    }
}

/// Why a release did not go live.
package struct Failure: Sendable, Hashable, Codable {
    package var phase: Phase
    /// One sentence: what happened.
    package var message: String
    /// The evidence: a failing pod's last log lines, each failed node's message.
    package var details: [String]

    package init(phase: Phase, message: String, details: [String] = []) {
        self.phase = phase
        self.message = message
        self.details = details
    }
}
