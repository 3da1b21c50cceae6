import ReleaseMachine

extension AppReleases {
    /// Runs a release. When the cluster does not answer for as long as the lease lasts everything stops, because somebody else may
    /// hold it by then; when it answers again and nobody does, the release goes on where it was.
    func run(
        _ number: Int,
        _ lease: LeaseTerm,
        until stop: Engine.Stop,
        observe: @escaping Engine.Observer
    ) async throws -> Release {
        var lease = lease
        let told = Told(from: try release(number).sequence)
        let telling: Engine.Observer = { recorded, release in
            await told.tell(recorded.sequence)
            await observe(recorded, release)
        }
        while true {
            do {
                return try await engine.run(app: name, number: number, until: stop, lease: lease, observe: telling)
            } catch let lost as LeaseLost where lost.isOutage {
                let stopped = engine.clock.now
                try await tell(
                    .said(Line("The cluster does not answer: stopped, and going on when it does")), number, telling)
                let end = engine.clock.now + engine.pace.outage
                var again: LeaseTerm?
                while again == nil {
                    do {
                        again = try await leaseAgain(for: number, until: end, lost)
                    } catch let held as LeaseHeld {
                        // Whoever runs it now writes into the journal that both share, or it is another release elsewhere.
                        guard engine.clock.now < end else { throw LeaseLost(holder: held.holder) }
                        let patience = Patience(every: .seconds(2), clock: engine.clock)
                        let done = try await follow(
                            number, after: await told.last, until: stop, shouldGoOn: { await patience.isLeft },
                            observe: telling)
                        if let done { return done }
                    }
                }
                guard let again else { continue }
                lease = again
                try await tell(.said(Line("The cluster answers again")), number, telling)
                let absence = max(engine.clock.now - stopped, .zero)
                try await tell(.resumed(milliseconds: absence.milliseconds), number, telling)
            }
        }
    }

    private func tell(_ event: Event, _ number: Int, _ observe: Engine.Observer) async throws {
        let (event, release) = try append(event, to: number)
        await observe(event, release)
    }

    /// - Throws: `LeaseHeld` when somebody else has it, `LeaseLost` when it is of no use any more, or not to be had in time.
    private func leaseAgain(for number: Int, until end: Timestamp, _ lost: LeaseLost) async throws -> LeaseTerm {
        while engine.clock.now < end {
            // Ours still, where a renewal was carried out and its answer was lost.
            await engine.cluster.releaseLease()
            do {
                let lease = try await engine.cluster.acquireLease()
                guard lease.lastRelease <= number else {
                    await giveLeaseBack()
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
