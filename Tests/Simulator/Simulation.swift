import ReleaseMachine

/// Releases in a world that fails on purpose; a seed decides its clock and its random choices.
///
/// After every step the rules of the design are checked. The interpreter here does what the engine does: it keeps the effects running
/// that the release names, records their results, and may be killed at any moment.
package struct Simulation {
    /// The effects of a release. A test replaces it to break a rule on purpose.
    package typealias Plan = (Release) -> Set<Effect>

    package struct Outcome {
        package var releases: [Release.State] = []
        package var steps = 0
        package var crashes = 0
        /// Releases that went on with the approvals of several people, or of others than the requester.
        package var approved = 0
        /// Releases that an administrator promoted without the approvals that they needed.
        package var forced = 0
        /// The first rule that was broken; `nil` when all held.
        package var broken: String?
    }

    package let seed: UInt64
    private let plan: Plan
    /// Called with every event, to print a replayed seed.
    private let trace: (String) -> Void
    private var random: SeededGenerator
    private var world: World
    private var now = Timestamp(milliseconds: 1_445_783_643_000)
    /// Requests of killed engines that are still under way.
    private var late: [World.Sent] = []
    private var outcome = Outcome()

    package init(seed: UInt64, plan: @escaping Plan = { $0.effects }, trace: @escaping (String) -> Void = { _ in }) {
        self.seed = seed
        self.plan = plan
        self.trace = trace
        random = SeededGenerator(seed: seed)
        world = World(nodes: 1 + random.below(5))
    }

    /// Runs up to `count` releases of one app, one after the other.
    package mutating func run(releases count: Int) -> Outcome {
        for number in 1...count {
            runRelease(number)
            if world.broken != nil { break }
            repair()
        }
        outcome.broken = world.broken.map { "\($0) (seed \(seed))" }
        return outcome
    }

    // MARK: One release

    private mutating func runRelease(_ number: Int) {
        var events = [RecordedEvent(sequence: 1, at: now, event: .requested(order(number)))]
        guard var release = Release(folding: events) else { return }
        var running: [World.Sent] = []
        var faultsLeft = 12
        var aborted = false
        var people = People()
        // A machine that joins later has another address.
        var gone: Set<String> = []
        let limit = 4000

        world.leaseRevision += 1  // taking the lease writes it

        func record(_ observed: Event, at time: Timestamp? = nil) {
            guard let event = release.journaled(observed) else { return }
            let recorded = RecordedEvent(sequence: events.count + 1, at: time ?? now, event: event)
            events.append(recorded)
            release.apply(recorded)
            if case .podsObserved(let report) = observed, release.pods != report {
                world.report(violation: "the journal's changes give other pods than were observed")
            }
            trace("\(number) \(now.milliseconds % 100_000_000) \(release.phase) \(event)")
        }

        for step in 0... {
            outcome.steps += 1
            if release.state.hasEnded { break }
            if step > limit {
                world.report(violation: "release \(number) does not end: \(release.phase), \(release.effects)")
                break
            }
            now = now + .milliseconds(random.below(400))

            // An effect that is no longer named is stopped: it may have been carried out, or not.
            let wanted = plan(release)
            for sent in running where !wanted.contains(sent.effect) && random.chance(50) { late.append(sent) }
            running.removeAll { !wanted.contains($0.effect) }

            let busy = Set(running.compactMap(\.effect.node))
            let startable = wanted.subtracting(running.map(\.effect)).filter { effect in
                effect.node.map { !busy.contains($0) } ?? true
            }
            if release.state == .paused, random.chance(20), let event = people.promotion(of: release, at: now, &random)
            {
                record(event)
            }
            switch random.below(10) {
            case 0...3 where !startable.isEmpty:
                let sorted = startable.sorted { $0.order < $1.order }
                let effect = sorted[random.below(sorted.count)]
                if let violation = people.violation(by: effect, of: release) { world.report(violation: violation) }
                running.append(world.send(effect, for: release, at: now))
            case 4...7 where !running.isEmpty:
                let sent = running.remove(at: random.below(running.count))
                if random.chance(6) { continue }  // the request was lost
                let event = world.perform(sent, at: now, with: &random)
                if random.chance(4) { _ = world.perform(sent, at: now, with: &random) }  // the request arrived twice
                if random.chance(3) { continue }  // the answer was lost
                if let event { record(event) }
            case 8 where faultsLeft > 0:
                faultsLeft -= 1
                switch random.below(6) {
                case 0:  // kill -9: what is not in the journal is forgotten
                    outcome.crashes += 1
                    world.leaseRevision += 1
                    for sent in running where random.chance(60) { late.append(sent) }
                    running = []
                    guard let folded = Release(folding: events) else { return }
                    if folded != release { world.report(violation: "folding the journal gives a different release") }
                    release = folded
                    // It may be hours until another process resumes it.
                    if random.chance(20) { now = now + .seconds(random.below(7200)) }
                    record(.takenUp(by: "another engine"))
                    checkTime(of: release)
                case 1: disturbNode()
                case 2: killCandidatePod(of: release)
                case 3:  // a machine is added, with what the configuration management gives it
                    let address = "10.0.1.\(random.below(3))"
                    if world.nodes[address] == nil, !gone.contains(address) {
                        world.nodes[address] = World.Node(route: world.record?.color)
                    }
                case 4 where random.chance(12) && (try? release.checkAbortable()) != nil:
                    // By the clock of that person's machine.
                    record(
                        .abortRequested(by: "somebody", reason: nil),
                        at: now + .seconds(random.chance(30) ? -random.below(300) : 0))
                    checkTime(of: release)
                    aborted = true
                case 5 where world.nodes.count > 1 && random.chance(40):  // a machine is removed
                    let address = world.addresses[random.below(world.nodes.count)]
                    world.nodes[address] = nil
                    gone.insert(address)
                default: break
                }
            case 9:
                if let timer = release.timer, running.isEmpty || random.chance(1) || release.state == .paused {
                    if release.state == .paused || random.chance(2) {
                        now = max(now, timer.at)
                        record(timer.event)
                    }
                } else if release.phase == .draining, let bounds = release.drainBounds {
                    now = max(now, bounds.lowerBound)
                } else if !late.isEmpty, random.chance(40) {
                    let sent = late.remove(at: random.below(late.count))
                    trace("\(number) late: \(sent.order.number) \(sent.effect)")
                    _ = world.perform(sent, at: now, with: &random)
                }
            default: break
            }
            world.checkTraffic()
            if world.broken != nil { return }
        }
        checkEnd(release, aborted: aborted)
        if release.needsApprovals, release.promotedBy != nil {
            if people.hasForced { outcome.forced += 1 } else { outcome.approved += 1 }
        }
        if release.state == .live, random.chance(50) { record(.replaced(by: number + 1, rolledBack: false)) }
        outcome.releases.append(release.state)
    }

    private mutating func order(_ number: Int) -> Order {
        var rules = Rules()
        rules.tolerate = random.chance(30) ? 1 : 0
        rules.retain = random.chance(20) ? .seconds(600) : .zero
        rules.afterVerifyTimeout = random.chance(50) ? .abort : .promote
        rules.approvals = random.chance(60) ? 1 + random.below(3) : nil
        rules.approvers = random.chance(40) ? .others : nil
        return Order(
            app: "blog",
            number: number,
            version: "v\(number)",
            image: "registry.local:5000/blog:v\(number)",
            verify: random.chance(30),
            requestedBy: People.requester,
            rules: rules
        )
    }

    // MARK: Faults

    private mutating func disturbNode() {
        let address = world.addresses[random.below(world.nodes.count)]
        switch random.below(4) {
        case 0: world.nodes[address]?.isReachable = false
        case 1: world.nodes[address]?.lies = true
        default:
            if world.nodes[address]?.isReachable == false { now = now + World.orderLife }
            world.nodes[address]?.isReachable = true
            world.nodes[address]?.lies = false
        }
    }

    /// Pods of a colour that carries traffic do not all die here: no tool can help that.
    private mutating func killCandidatePod(of release: Release) {
        guard let candidate = release.candidate, !release.hasMovedTraffic, release.phase < .switching else { return }
        if let ready = world.workloads[candidate]?.ready, ready > 0,
            !world.nodes.values.contains(where: { $0.route == candidate })
        {
            world.workloads[candidate]?.ready = ready - 1
        }
    }

    /// A person repairs what a release has left: nodes answer again, and are switched to the live colour.
    private mutating func repair() {
        guard let live = world.record?.color else { return }
        for address in world.addresses {
            world.nodes[address]?.isReachable = true
            world.nodes[address]?.lies = false
            if world.nodes[address]?.route != live, (world.workloads[live]?.ready ?? 0) > 0 {
                world.nodes[address]?.route = live
            }
        }
        now = now + .seconds(600)
    }

    /// Rule 10: a step's timeout counts from when the release is resumed or backs out.
    private mutating func checkTime(of release: Release) {
        guard release.state == .running, let timer = release.timer, timer.at <= now else { return }
        world.report(violation: "rule 10: the timeout of \(release.phase) had passed before any process ran it")
    }

    // MARK: What must hold at the end

    private mutating func checkEnd(_ release: Release, aborted: Bool) {
        let needsNoRepair = release.needRepair.isEmpty
        switch release.state {
        case .live:
            if aborted { world.report(violation: "rule 6: aborted, but live") }
            for node in release.nodes
            where needsNoRepair && world.nodes[node.address].map({ $0.route != release.candidate }) ?? false {
                world.report(violation: "rule 4: \(node.address) is recorded as switched and is not")
            }
        case .failed, .aborted, .rolledBack:
            for node in release.nodes where needsNoRepair {
                if let old = release.previous?.color, world.nodes[node.address].map({ $0.route != old }) ?? false {
                    world.report(violation: "\(node.address) was left on the colour of the aborted release")
                }
            }
        case .running, .paused, .superseded: world.report(violation: "ended as \(release.state)")
        }
    }
}

extension Effect {
    /// A set's order differs between processes: this order is the same in every run.
    fileprivate var order: (Int, String) {
        switch self {
        case .survey: (0, "")
        case .createCandidate: (1, "")
        case .awaitPods: (2, "")
        case .prepare(let node): (3, node)
        case .stage(let node): (4, node)
        case .confirmCandidate: (5, "")
        case .switchNode(let node): (6, node)
        case .revertNode(let node): (7, node)
        case .recordLive(let color): (8, color.rawValue)
        case .drain: (9, "")
        case .readBack: (10, "")
        case .removeOld: (11, "")
        case .retainOld: (12, "")
        case .removeCandidate: (13, "")
        }
    }
}
