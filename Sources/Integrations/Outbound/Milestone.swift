import ReleaseMachine

/// A moment of a release that other systems are told of. Each kind but `approved` happens at most once in a release.
package struct Milestone: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        case requested
        /// It knows what is live, and brings the candidate up.
        case started
        /// Paused for verification: awaiting promotion.
        case paused
        /// Somebody approved it, and more people have to. The only kind that may happen more than once.
        case approved
        /// Promoted after the pause.
        case promoted
        case live
        case failed
        /// Ended without going live, by a person, by its deadline or for a newer version.
        case aborted
        /// A later release replaced it.
        case replaced
    }

    package var kind: Kind
    package var at: Timestamp
    /// The release at that moment.
    package var release: Release
}

/// Folds a release event by event and notes its milestones: the same events always give the same milestones.
package struct Milestones: Sendable {
    package private(set) var release: Release
    package private(set) var all: [Milestone]

    /// `nil` unless these are the events of a release from its first one on.
    package init?(_ events: some Sequence<RecordedEvent>) {
        var iterator = events.makeIterator()
        guard let first = iterator.next(), let release = Release(first) else { return nil }
        self.release = release
        all = [Milestone(kind: .requested, at: release.createdAt, release: release)]
        while let event = iterator.next() { append(event) }
    }

    package mutating func append(_ event: RecordedEvent) {
        let before = release
        release.apply(event)
        for kind in Self.kinds(from: before, to: release)
        where kind == .approved || !all.contains(where: { $0.kind == kind }) {
            all.append(Milestone(kind: kind, at: release.updatedAt, release: release))
        }
    }

    /// Nothing more is to come.
    package var isFinal: Bool { release.state.hasEnded && release.state != .live }

    private static func kinds(from before: Release, to after: Release) -> [Milestone.Kind] {
        var kinds: [Milestone.Kind] = []
        if after.survey != nil, !after.state.hasEnded, !after.isBackingOut { kinds.append(.started) }
        if after.state == .paused { kinds.append(.paused) }
        if after.state == .paused, after.approvals.count > before.approvals.count { kinds.append(.approved) }
        if before.state == .paused, after.state == .running, !after.isBackingOut { kinds.append(.promoted) }
        if !before.state.hasEnded, after.state.hasEnded {
            kinds.append(after.state == .live ? .live : after.state == .failed ? .failed : .aborted)
        }
        if before.state == .live, after.state != .live { kinds.append(.replaced) }
        return kinds
    }
}
