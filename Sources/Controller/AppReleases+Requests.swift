import ReleaseMachine

/// Commands that only record the request and return, for a server that runs the release in another task.
extension AppReleases {
    /// Promotes release `number`, or the newest one, or adds the person's approval when it needs more than one.
    /// With `forcedReason`, an administrator promotes it without the approvals that it needs.
    /// - Returns: the release after the request.
    /// - Throws: `Inapplicable`, or `Refusal` when there is no such release.
    package func requestPromotion(of number: Int? = nil, by: String, forcedReason: String? = nil) async throws
        -> Release
    {
        try await record(number) { release throws(Inapplicable) in
            try promotion(of: release, by: by, forcedReason: forcedReason)
        }.release
    }

    func promotion(of release: Release, by: String, forcedReason: String?) throws(Inapplicable) -> Event {
        let now = engine.clock.now
        guard let forcedReason else { return try release.promotion(by: by, at: now) }
        return try release.forcedPromotion(by: by, reason: forcedReason, at: now)
    }

    /// Aborts release `number`, or the newest one; with `onlyPaused` not after somebody has decided about its promotion.
    /// - Returns: the release after the request.
    /// - Throws: `Inapplicable`, or `Refusal` when there is no such release.
    package func requestAbort(
        of number: Int? = nil, by: String, reason: String?, onlyPaused: Bool = false
    ) async throws -> Release {
        try await record(number) { release throws(Inapplicable) in
            if onlyPaused { try release.checkUndecided() }
            try release.checkAbortable()
            return .abortRequested(by: by, reason: reason)
        }.release
    }

    /// Appends the request that a release causes in its present state; of two at the same time the second is about what the first one
    /// has made of it.
    /// - Returns: the event, and the release after it.
    func record(_ number: Int? = nil, _ request: (Release) throws(Inapplicable) -> Event) async throws -> (
        event: RecordedEvent, release: Release
    ) {
        while true {
            var release = if let number { try await self.release(number) } else { try await existing() }
            try checkCluster(of: release)
            let recorded = RecordedEvent(
                sequence: release.sequence + 1,
                at: engine.clock.now,
                event: try request(release)
            )
            do {
                try await engine.journal.append(recorded, app: name, number: release.order.number)
            } catch is JournalConflict {
                continue  // Another event came first: check again whether the request applies.
            }
            release.apply(recorded)
            return (recorded, release)
        }
    }

    /// Runs the newest release to its end when it has not ended and no process runs it.
    /// - Returns: the release; `nil` when there is none to resume.
    /// - Throws: `LeaseHeld` while another process, or another task of this one, runs it.
    package func resume(by: String, observe: @escaping Engine.Observer) async throws -> Release? {
        guard let open = try await latest(), !open.state.hasEnded else { return nil }
        try checkCluster(of: open)
        return try await withLease { lease in
            guard let open = try await latest(), !open.state.hasEnded else { return nil }
            return try await takeUp(open.order.number, lease, by: by, until: .whenEnded, observe: observe)
        }
    }
}
