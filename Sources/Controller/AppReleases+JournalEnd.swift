import ReleaseMachine

/// A journal that has lost its newest events, and what somebody does about it.
extension AppReleases {
    /// Throws unless the journal has the newest event that it had acknowledged, by the app's lease.
    ///
    /// A journal without any release of the app is a new one: the app is released as one whose journal was lost, by what the cluster and the
    /// nodes say. A lease of an older version says nothing of it: nothing is compared.
    func checkJournal(_ lease: LeaseTerm) async throws {
        if let lost = try await lostEnd(lease.journal) { throw await reporting(lost) }
    }

    /// What the journal has lost, by what the app's lease says of it; `nil`: nothing.
    package func lostEnd(_ seen: JournalEnd?) async throws -> JournalWentBack? {
        guard let seen else { return nil }
        do {
            _ = try await engine.events(app: name, after: seen)
            return nil
        } catch let lost as JournalWentBack {
            // In the cluster from which an app was moved, the lease may name a release that was deleted since because of its age.
            if try await engine.journal.deletedRelease(app: name, number: seen.release) != nil { return nil }
            return lost.newest > 0 ? lost : nil
        }
    }

    /// Says in the log of a release that has not ended why it stops, once.
    /// - Returns: the error with what serves now.
    func reporting(_ lost: JournalWentBack) async -> JournalWentBack {
        var lost = lost
        lost.serving = (try? await observe())?.lines ?? []
        if let open = try? await latest(), !open.state.hasEnded,
            let events = try? await engine.journal.events(app: name, number: open.order.number, after: 0)
        {
            let line =
                "The journal has gone back, event \(lost.seen.sequence) of \(name)/\(lost.seen.release) is lost: the "
                + "release stops. See `viridian journal accept --help`"
            if !events.contains(where: { $0.event == .said(LogMessage(line)) }) {
                _ = try? await append(.said(LogMessage(line)), to: open.order.number)
            }
        }
        return lost
    }

    /// What `acceptLoss` found and recorded.
    package struct AcceptedLoss: Sendable {
        package var lost: JournalWentBack
        /// The release that it ended, the newest one; `nil`: all had ended.
        package var ended: Release?
        package var observation: AppObservation
    }

    /// Accepts that the journal has lost events. A release that has not ended ends: live when the cluster has recorded that it is, else
    /// failed. Neither cluster nor nodes are changed, except that nodes refuse what may still arrive from before.
    /// - Throws: `LeaseHeld`, `Refusal` when nothing is lost.
    package func acceptLoss(by: String, reason: String) async throws -> AcceptedLoss {
        try await withLease(checkingJournal: false) { lease in
            guard let lost = try await lostEnd(lease.journal) else {
                throw Refusal(
                    "the journal has all events that it has acknowledged by the lease of \(name): nothing is to be accepted"
                )
            }
            let fence = Fence(release: max(lease.lastRelease, lost.seen.release, lost.newest), isBack: true)
            async let observed = engine.cluster.survey()
            var readings = await engine.nodes.read(try await engine.nodes.list(), claiming: fence)
            for index in readings.indices { readings[index].newestRelease = nil }
            let observation = AppObservation(at: engine.clock.now, survey: try await observed, readings: readings)
            let number = lost.newest
            var ended: Release?
            // The oldest first: one that had ended before may be open again.
            let newest = try await engine.journal.releases(app: name, limit: 20, before: nil)
            for open in newest.reversed() where !open.state.hasEnded {
                let live = observation.survey.recordedBy == open.order.number ? observation.survey.recorded?.color : nil
                // What it found out of colours may be lost too.
                let isLive = live != nil && live == open.candidate ?? live
                let event = Event.lossAccepted(by: by, reason: reason, isLive: isLive, readings: readings)
                ended = try await append(event, to: open.order.number).1
            }
            guard let last = try await engine.journal.events(app: name, number: number, after: 0).last else {
                throw Refusal("\(name)/\(number) is not in the journal any more: run the command again")
            }
            await engine.cluster.journalHas(JournalEnd(release: number, last))
            try await engine.cluster.recordJournal()
            return AcceptedLoss(lost: lost, ended: ended, observation: observation)
        }
    }
}

extension AppObservation {
    /// What cluster and nodes say, a line each.
    package var lines: [String] {
        let live = survey.recorded.map { live in
            "cluster: \(live.color) is live with \(live.version)"
                + (survey.recordedBy.map { " (by release \($0))" } ?? "")
        }
        return [live ?? "cluster: nothing recorded as live"]
            + readings.map { "node \($0.node): \($0.statusText)" }
    }
}
