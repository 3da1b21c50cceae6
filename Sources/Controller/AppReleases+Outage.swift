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
        while true {
            do {
                return try await engine.run(app: name, number: number, until: stop, lease: lease, observe: observe)
            } catch let lost as LeaseLost where lost.isOutage {
                try await tell("The cluster does not answer: stopped, and going on when it does", number, observe)
                lease = try await leaseAgain(for: number, lost)
                try await tell("The cluster answers again", number, observe)
            }
        }
    }

    private func tell(_ words: String, _ number: Int, _ observe: Engine.Observer) async throws {
        let (event, release) = try append(.said(Line(words)), to: number)
        await observe(event, release)
    }

    private func leaseAgain(for number: Int, _ lost: LeaseLost) async throws -> LeaseTerm {
        let end = engine.clock.now + engine.pace.outage
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
            } catch let held as LeaseHeld {
                throw LeaseLost(holder: held.holder)
            } catch let final where final is LeaseLost || final is Refusal || final is CancellationError {
                throw final
            } catch {
                try await engine.clock.sleep(for: engine.pace.lastRetry)
            }
        }
        throw lost
    }
}
