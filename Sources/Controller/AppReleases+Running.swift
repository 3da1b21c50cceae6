import ReleaseMachine

extension AppReleases {
    /// Runs a release. When the cluster does not answer until the lease expires, the run stops, because another process may hold the
    /// lease by then; when the cluster answers again and no other process does, the run continues where it stopped.
    func run(
        _ number: Int,
        _ lease: LeaseTerm,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        do {
            return try await runThroughOutages(number, lease, until: stop, observe: observe)
        } catch let lost as JournalWentBack {
            throw await reporting(lost)
        }
    }

    private func runThroughOutages(
        _ number: Int,
        _ lease: LeaseTerm,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        var lease = lease
        let reported = ReportedEvents(upTo: try await release(number).sequence)
        let reporting: Engine.Observer = { recorded, release in
            await reported.add(recorded, number)
            await observe(recorded, release)
        }
        while true {
            do {
                return try await engine.run(app: name, number: number, until: stop, lease: lease, observe: reporting)
            } catch let lost as LeaseLost where lost.isOutage {
                let stopped = engine.clock.now
                try await report(
                    .said(LogMessage("The cluster does not answer: the release stops, and continues when it answers")),
                    number, after: reported, reporting)
                let end = engine.clock.now + engine.pace.outage
                var reacquired: LeaseTerm?
                while reacquired == nil {
                    do {
                        reacquired = try await reacquireLease(for: number, until: end, lost)
                    } catch let held as LeaseHeld {
                        // Another process runs this release and writes to the shared journal, or it runs another release.
                        guard engine.clock.now < end else { throw LeaseLost(holder: held.holder) }
                        let leaseCheck = RepeatingDeadline(every: .seconds(2), clock: engine.clock)
                        let done = try await follow(
                            number, after: await reported.lastSequence, until: stop,
                            shouldGoOn: { await leaseCheck.hasTimeLeft },
                            observe: reporting)
                        if let done { return done }
                    }
                }
                guard let reacquired else { continue }
                lease = reacquired
                if let lost = try await engine.untilAnswered({ try await lostEnd(reacquired.journal) }) { throw lost }
                try await report(
                    .said(LogMessage("The cluster answers again")), number, after: reported, reporting)
                let absence = max(engine.clock.now - stopped, .zero)
                try await report(
                    .resumed(milliseconds: absence.milliseconds), number, after: reported, reporting)
            }
        }
    }

    private func report(
        _ event: Event, _ number: Int, after reported: ReportedEvents, _ observe: Engine.Observer
    ) async throws {
        while true {
            if let end = await reported.end {
                _ = try await engine.untilAnswered { try await engine.events(app: name, after: end) }
            }
            var release = try await engine.untilAnswered { try await self.release(number) }
            let recorded = RecordedEvent(sequence: release.sequence + 1, at: engine.clock.now, event: event)
            do {
                try await engine.append([recorded], after: release)
            } catch is JournalConflict {
                continue  // Another event came first.
            }
            release.apply(recorded)
            return await observe(recorded, release)
        }
    }

    /// - Throws: `LeaseHeld` when another process holds it, `LeaseLost` when a newer release exists or `end` has passed.
    private func reacquireLease(for number: Int, until end: Timestamp, _ lost: LeaseLost) async throws -> LeaseTerm {
        while engine.clock.now < end {
            // This process still holds it where a renewal succeeded and its answer was lost.
            await engine.cluster.releaseLease()
            do {
                let lease = try await acquireLease()
                guard lease.lastRelease <= number else {
                    await returnLease()
                    throw LeaseLost(holder: "\(name)/\(lease.lastRelease)")
                }
                return lease
            } catch let final
                where final is LeaseHeld || final is LeaseLost || final is Refusal || final is CancellationError
            {
                throw final
            } catch {
                try await engine.clock.sleep(for: engine.pace.lastRetry)
            }
        }
        throw lost
    }
}
