import Controller
import Dispatch
import ReleaseMachine
import Synchronization

/// Releases of one app by several processes that die, on a journal and a site that fail; a seed decides its clock and its random
/// choices. `AppReleases` and its engine are the real ones.
///
/// With every event and every call the rules are checked: nothing is done before the event that asks for it is in the journal, no event
/// is there twice, none is missing; traffic never points at a colour with no ready pod. Once the faults are over every release ends.
package struct EngineSimulation: Sendable {
    package struct Outcome: Sendable {
        package var releases: [Release.State] = []
        /// Calls of the journal that were not answered.
        package var failures = 0
        /// Processes that were killed.
        package var kills = 0
        /// Releases that another process resumed.
        package var resumed = 0
        /// Commands that ended with a sentence because the journal did not answer.
        package var refused = 0
        /// How often the journal has lost events that it had acknowledged, and how often somebody was told and has accepted it.
        package var failovers = 0
        package var accepted = 0
        /// The first rule that was broken; `nil` when all held.
        package var broken: String?
    }

    /// What happens in one round: a release, with the faults around it.
    struct Round: Sendable {
        var number: Int
        var faultsEnd: Timestamp
        var verify: Bool
        /// How many of a hundred chances to abort somebody takes.
        var aborts: Int
    }

    struct Tally: Sendable {
        var alive: [SimulatedProcess] = []
        var kills = 0
        var refused = 0
        /// Somebody was told that the journal has gone back.
        var isStopped = false
        var accepted = 0
    }

    package let seed: UInt64
    let clock = SimulatedClock()
    let dice: Dice
    let journal: SimulatedJournal
    let site: SimulatedSite
    let rules = BrokenRules()
    let mistake: JournalMistake?
    let trace: Trace
    let tally = Tallies()

    final class Tallies: Sendable {
        let value = Mutex(Tally())
    }

    /// `trace` is called with a line for everything that happens, to print a replayed seed.
    package init(seed: UInt64, mistake: JournalMistake? = nil, trace write: (@Sendable (String) -> Void)? = nil) {
        self.seed = seed
        self.mistake = mistake
        dice = Dice(seed: seed)
        trace = Trace(clock: clock, write: write)
        journal = SimulatedJournal(clock: clock, dice: dice, rules: rules, trace: trace)
        site = SimulatedSite(clock: clock, dice: dice, journal: journal, rules: rules, trace: trace)
    }

    /// Runs on a thread of its own, because the simulation's tasks run on the thread that calls it.
    package func run(releases count: Int) async -> Outcome {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: runHere(releases: count)) }
        }
    }

    private func runHere(releases count: Int) -> Outcome {
        let ended = clock.run(limit: .seconds(86_400)) { [self] in
            for _ in 0..<count where rules.first == nil { await release() }
            return true
        }
        if ended == nil {
            rules.report("the simulation does not end: everything waits, or it takes a day")
        }
        let tally = tally.value.withLock { $0 }
        let releases = journal.releases.reversed()
        return Outcome(
            releases: releases.map(\.state),
            failures: journal.failures,
            kills: tally.kills,
            resumed: releases.count {
                journal.events($0.order.number).contains { $0.event.kind == "takenUp" }
            },
            refused: tally.refused,
            failovers: journal.failovers,
            accepted: tally.accepted,
            broken: rules.first.map { "\($0) (seed \(seed))" }
        )
    }

    // MARK: - One release

    private func release() async {
        let round = beginRound()
        await withTaskGroup(of: Bool.self) { group in
            func add(_ body: @escaping @Sendable () async -> Void) {
                group.addTask {
                    await body()
                    return false
                }
            }
            add { await deploy(round) }
            for server in 1...2 { add { await serve("server-\(server)") } }
            add { await decide(round) }
            add { await disturb(round) }
            group.addTask {
                await waitForEnd(round)
                return true
            }
            for await isOver in group where isOver { break }
            group.cancelAll()
        }
        checkEnd()
        site.repair()
    }

    private func beginRound() -> Round {
        let length = dice.seconds(30..<200)
        let end = clock.now + length
        func outages(_ count: Int) -> Outages {
            Outages(
                windows: (0..<count).map { _ in
                    let start = clock.now + .milliseconds(dice.below(Int(length.milliseconds)))
                    let longest = [3, 30, 120][dice.below(3)]
                    return start..<(start + dice.seconds(1..<longest + 1))
                })
        }
        journal.set(faults: [0, 3, 15][dice.below(3)], outages: outages(dice.below(4)))
        site.set(faults: [0, 0, 3][dice.below(3)], outages: outages(dice.chance(15) ? 1 : 0))
        clock.schedule(after: length + .seconds(120)) { [journal, site] in
            journal.set(faults: 0, outages: Outages())
            site.set(faults: 0, outages: Outages())
            site.disturb(recovers: true)
        }
        if dice.chance(25) {
            clock.schedule(after: .milliseconds(dice.below(Int(length.milliseconds)))) { [self] in failOver() }
        }
        return Round(
            number: (journal.releases.first?.order.number ?? 0) + 1,
            faultsEnd: end + .seconds(120),
            verify: dice.chance(25),
            aborts: dice.chance(25) ? 10 : 0
        )
    }

    private func waitForEnd(_ round: Round) async {
        while journal.release(round.number) == nil
            || !journal.releases.allSatisfy({ $0.state.hasEnded })
        {
            do { try await clock.sleep(for: .seconds(1)) } catch { return }
            guard clock.now > round.faultsEnd + .seconds(1800) else { continue }
            let open = journal.releases.first { !$0.state.hasEnded }
            return rules.report(
                "release \(open?.order.number ?? round.number) does not end: "
                    + (open.map { "\($0.phase), \($0.effects)" } ?? "it has not begun"))
        }
        // Earlier releases are marked; a lease whose holder does not know of it expires. A holder may wait for the journal's answer.
        let end = max(clock.now, round.faultsEnd) + .seconds(60)
        while site.holder != nil, clock.now < end { try? await clock.sleep(for: .seconds(1)) }
        if let holder = site.holder { rules.report("\(holder.name) keeps the lease") }
    }
}
