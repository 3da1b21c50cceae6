import Controller
import ReleaseMachine
import Synchronization
import ViridianConfiguration

/// People and processes, each in a task of its own.
extension EngineSimulation {
    func deploy(_ round: Round) async {
        var attempt = 0
        while !Task.isCancelled, journal.release(round.number) == nil {
            attempt += 1
            await live("cli-\(round.number).\(attempt)") { process in
                await attemptCommand(process) {
                    let request = AppReleases.Request(
                        version: try Version("v\(round.number)"), verify: round.verify, by: process.name)
                    _ = try await releases(process)
                        .deploy(request, until: .whenEnded, observe: observer(process, round.number))
                }
            }
            try? await clock.sleep(for: dice.seconds(1..<10))
        }
    }

    /// A server resumes what no process runs. When it dies it is started again.
    func serve(_ name: String) async {
        var generation = 0
        while !Task.isCancelled {
            generation += 1
            await live("\(name).\(generation)") { process in
                while !Task.isCancelled, !process.isKilled {
                    try? await clock.sleep(for: dice.seconds(1..<5))
                    await attemptCommand(process) {
                        let number = journal.releases.first?.order.number ?? 0
                        _ = try await releases(process)
                            .resume(by: process.name, observe: observer(process, number))
                    }
                }
            }
            try? await clock.sleep(for: dice.seconds(0..<20))
        }
    }

    /// People promote and abort.
    func decide(_ round: Round) async {
        let process = SimulatedProcess("people")
        while !Task.isCancelled {
            try? await clock.sleep(for: dice.seconds(1..<15))
            if tally.value.withLock({ $0.isStopped }) { await acceptLoss() }
            guard let release = journal.release(round.number), !release.state.hasEnded else { continue }
            if release.state == .paused, dice.chance(30) {
                await attemptCommand(process) {
                    _ = try await releases(process).requestPromotion(of: round.number, by: "ann")
                    if !journal.hasHad("promoted", round.number) {
                        rules.report("a promotion that was acknowledged is not in the journal")
                    }
                }
            }
            if dice.chance(round.aborts) {
                await attemptCommand(process) {
                    _ = try await releases(process).requestAbort(of: round.number, by: "ben", reason: nil)
                    if !journal.hasHad("abortRequested", round.number) {
                        rules.report("an abort that was acknowledged is not in the journal")
                    }
                }
            }
        }
    }

    /// Somebody who was told that the journal has gone back accepts it.
    private func acceptLoss() async {
        // It holds the lease meanwhile, and may be killed.
        let process = SimulatedProcess("accepts")
        await attemptCommand(process) {
            do {
                _ = try await releases(process).acceptLoss(by: "ann", reason: "the old primary is gone")
                tally.value.withLock { $0.accepted += 1 }
            } catch let refusal as Refusal {
                trace("nothing to accept: \(refusal)")
            }
            tally.value.withLock { $0.isStopped = false }
        }
    }

    /// The journal goes back, mostly together with the process that runs the release.
    func failOver() {
        let holder = site.holder
        journal.goBack(1 + dice.below(8), seen: site.snapshot.lease.journal)
        guard let holder, dice.chance(60) else { return }
        tally.value.withLock { tally in
            tally.alive.removeAll { $0 === holder }
            tally.kills += 1
        }
        trace("kill \(holder.name)")
        holder.kill()
    }

    /// Processes are killed, and nodes do not answer, until the faults end.
    func disturb(_ round: Round) async {
        let kills = dice.below(4)
        for _ in 0..<kills {
            try? await clock.sleep(for: dice.seconds(1..<60))
            guard !Task.isCancelled, clock.now < round.faultsEnd else { return }
            if dice.chance(15) { site.disturb(recovers: dice.chance(50)) }
            // Mostly the one that runs the release.
            let holder = site.holder
            let victim = tally.value.withLock { tally -> SimulatedProcess? in
                guard !tally.alive.isEmpty else { return nil }
                let other = tally.alive[dice.below(tally.alive.count)]
                let victim = dice.chance(70) ? holder ?? other : other
                tally.alive.removeAll { $0 === victim }
                tally.kills += 1
                return victim
            }
            guard let victim else { continue }
            trace("kill \(victim.name)")
            victim.kill()
        }
    }

    /// Runs a process until it returns or is killed.
    private func live(_ name: String, _ body: @escaping @Sendable (SimulatedProcess) async -> Void)
        async
    {
        let process = SimulatedProcess(name)
        tally.value.withLock { $0.alive.append(process) }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await body(process) }
            group.addTask {
                while !process.isKilled {
                    do { try await clock.sleep(for: .milliseconds(500)) } catch { return }
                }
            }
            await group.next()
            group.cancelAll()
        }
        tally.value.withLock { $0.alive.removeAll { $0 === process } }
    }

    private func releases(_ process: SimulatedProcess) throws -> AppReleases {
        let app = try AppConfiguration(
            app: "blog",
            ports: .init(container: 9000, blue: 30000, green: 30001),
            image: "registry.local:5000/blog",
            ready: .init(timeout: .seconds(60)),
            verify: .init(timeout: .seconds(90)),
            drain: .init(least: .seconds(2), most: .seconds(10))
        )
        var pace = Engine.Pace()
        pace.tick = .milliseconds(500)
        let engine = Engine(
            cluster: ProcessCluster(site: site, process: process, mistake: mistake),
            nodes: ProcessNodes(site: site, process: process),
            journal: ProcessJournal(journal: journal, process: process, mistake: mistake),
            clock: clock,
            pace: pace,
            executor: clock
        )
        return AppReleases(app: app, engine: engine)
    }
}
