import ReleaseMachine

/// A cluster and nodes that act as real ones do, and fail as real ones do.
package struct World {
    package struct Node {
        package var route: Color?
        /// The highest fence that the node has seen: release number, then forward (0) or back (1).
        package var token: (release: Int, step: Int) = (0, 0)
        package var isReachable = true
        package var stagedFor = 0
        /// The node reports that it reloaded, and keeps routing as before.
        package var lies = false
    }

    private struct Switch {
        var started: Set<String> = []
        var isVerified = false
        /// Was told to switch, and did not answer.
        var silent: Set<String> = []
    }

    package struct Workload {
        package var identity: Int
        package var release: Int
        package var version: String
        package var ready: Int
        package var desired: Int
        package var isHopeless: Bool
    }

    package var workloads: [Color: Workload] = [:]
    package var record: LiveVersion?
    /// The lease's resourceVersion: a writer names the one that it has read.
    package var leaseRevision = 0
    package var lastSwitch = Timestamp(milliseconds: 0)
    /// How each release's switch goes, by the release's number.
    private var switches: [Int: Switch] = [:]
    package var nextIdentity = 1
    /// Set while requests may fail: the first rule that was broken, and how.
    package var broken: String?

    /// An app that is live on blue, on `count` nodes.
    package init(nodes count: Int) {
        for index in 1...count { nodes["10.0.0.\(index)"] = Node(route: .blue) }
        addresses = nodes.keys.sorted()  // observers do not run in an initializer
        workloads[.blue] = Workload(identity: 0, release: 0, version: "v0", ready: 3, desired: 3, isHopeless: false)
        record = LiveVersion(color: .blue, version: "v0")
    }

    package private(set) var addresses: [String] = []

    package var nodes: [String: Node] = [:] {
        didSet { if nodes.count != addresses.count { addresses = nodes.keys.sorted() } }
    }

    /// Rule 1: traffic never points at a colour with no ready pod.
    package mutating func checkTraffic() {
        for address in addresses {
            guard let route = nodes[address]?.route else { continue }
            if (workloads[route]?.ready ?? 0) == 0 {
                report(violation: "rule 1: \(address) routes to \(route), which has no ready pod")
            }
        }
    }

    package mutating func report(violation: String) {
        if broken == nil { broken = violation }
    }
}

// MARK: - Effects

extension World {
    /// An effect as it was sent, bound to what its sender had read: it may arrive late, or twice.
    package struct Sent {
        package var effect: Effect
        package var order: Order
        package var survey: Survey?
        /// The participants at the time of sending.
        package var participants: [String]
        /// The workload that a removal was meant for.
        package var target: Int?
        package var drainLeastUntil: Timestamp?
        package var isBackingOut: Bool
        /// The fence: nodes refuse a lower one than they have seen.
        package var expires: Timestamp
        package var leaseRevision: Int
    }

    package static var orderLife: Duration { .seconds(20) }

    package mutating func send(_ effect: Effect, for release: Release, at now: Timestamp) -> Sent {
        if case .switchNode(let address) = effect { recordSwitch(of: address, for: release.order.number) }
        let color: Color? =
            switch effect {
            case .removeOld: release.previous?.color
            case .removeCandidate: release.candidate
            default: nil
            }
        let owner = color.flatMap { workloads[$0] }
        // A release removes only its own workload, or one of an older release.
        let target = owner.flatMap { workload in
            switch effect {
            case .removeOld: workload.release < release.order.number ? workload.identity : nil
            default: workload.release == release.order.number ? workload.identity : nil
            }
        }
        return Sent(
            effect: effect,
            order: release.order,
            survey: release.survey,
            participants: release.nodes.filter { $0.state != .unreachable }.map(\.address),
            target: target,
            drainLeastUntil: release.drainBounds?.lowerBound,
            isBackingOut: release.isBackingOut,
            expires: now + World.orderLife,
            leaseRevision: leaseRevision
        )
    }

    /// The first node to switch is the canary.
    private mutating func recordSwitch(of address: String, for number: Int) {
        var progress = switches[number] ?? Switch()
        let untried = progress.started.subtracting(progress.silent)
        if !progress.isVerified,
            let first = untried.filter({ nodes[$0] != nil }).sorted().first(where: { $0 != address })
        {
            report(violation: "the canary: \(address) is switched before \(first) is verified")
        }
        progress.started.insert(address)
        switches[number] = progress
    }

    /// Carries out what was sent and returns the resulting event; `nil` when it has to be retried.
    package mutating func perform(_ sent: Sent, at now: Timestamp, with random: inout SeededGenerator) -> Event? {
        switch sent.effect {
        case .survey:
            claim(sent)
            return survey(sent.order)
        case .createCandidate: return create(sent, with: &random)
        case .awaitPods: return awaitPods(sent, with: &random)
        case .prepare(let address): return .nodePrepared(node: address)
        case .stage(let address): return stage(address, sent, with: &random)
        case .confirmCandidate:
            guard let candidate = sent.survey?.candidate, (workloads[candidate]?.ready ?? 0) > 0 else {
                return .refused(.confirmCandidate, message: "no ready pod", details: [])
            }
            return .candidateConfirmed
        case .switchNode(let address):
            // A machine that joined since under an address of the release was not to be staged: requests for it are refused by then.
            if obeys(address, step: 0, sent, at: now) {
                for other in sent.participants where nodes[other].map({ $0.stagedFor < sent.order.number }) ?? false {
                    report(violation: "rule 2: \(address) switches before \(other) is staged")
                }
            }
            let event = route(address, to: sent.survey?.candidate, step: 0, sent, at: now)
            switch event {
            case .nodeSwitched: switches[sent.order.number]?.isVerified = true
            case .nodeFailed(_, let problem) where problem.isUnreachable:
                switches[sent.order.number]?.silent.insert(address)
            default: break
            }
            return event
        case .revertNode(let address): return route(address, to: sent.survey?.live?.color, step: 1, sent, at: now)
        case .recordLive(let color):
            guard leaseRevision == sent.leaseRevision else { return nil }
            leaseRevision += 1
            let version = workloads[color]?.version ?? "?"
            record = LiveVersion(color: color, version: version)
            return .liveRecorded(color)
        case .drain:
            guard let until = sent.drainLeastUntil, now >= until else { return nil }
            return .drained(DrainEvidence())
        case .readBack:
            claim(sent)
            return .readBack(
                addresses.map { address in
                    let node = nodes[address]
                    return NodeReading(node: address, color: node?.isReachable == true ? node?.route : nil)
                }
            )
        case .removeOld:
            if let old = sent.survey?.live?.color { remove(old, sent, at: now, isOld: true) }
            return .oldRemoved
        case .retainOld: return .oldRetained(until: now + sent.order.rules.retain)
        case .removeCandidate:
            if let candidate = sent.survey?.candidate { remove(candidate, sent, at: now, isOld: false) }
            return .candidateRemoved
        }
    }

    /// Reading a node for a release leaves its number there: requests of older releases that are still under way are refused.
    private mutating func claim(_ sent: Sent) {
        let token = (sent.order.number, sent.isBackingOut ? 1 : 0)
        for address in addresses {
            guard let node = nodes[address], node.isReachable, node.token < token else { continue }
            nodes[address]?.token = token
        }
    }

    private func survey(_ order: Order) -> Event {
        let routes = Set(addresses.compactMap { nodes[$0]?.isReachable == true ? nodes[$0]?.route : nil })
        guard routes.count == 1, routes.first == record?.color, let live = record else {
            return .refused(.survey, message: "nodes and cluster disagree", details: [])
        }
        let unreachable = addresses.filter { nodes[$0]?.isReachable != true }
        return .discovered(
            Survey(
                live: live,
                candidate: live.color.other,
                replicas: workloads[live.color]?.desired ?? 1,
                nodes: addresses.filter { !unreachable.contains($0) },
                unreachable: unreachable.map { NodeProblem(node: $0, isUnreachable: true, message: "timed out") }
            )
        )
    }

    private mutating func create(_ sent: Sent, with random: inout SeededGenerator) -> Event? {
        guard let candidate = sent.survey?.candidate else { return nil }
        if let present = workloads[candidate] {
            if present.release == sent.order.number { return .candidateCreated }
            // A late request of an older release, or a leftover that no node routes to.
            guard present.release < sent.order.number else { return nil }
            if nodes.values.contains(where: { $0.route == candidate }) {
                return .refused(.createCandidate, message: "a node routes to the leftover", details: [])
            }
        }
        workloads[candidate] = Workload(
            identity: nextIdentity,
            release: sent.order.number,
            version: sent.order.version,
            ready: 0,
            desired: sent.survey?.replicas ?? 1,
            isHopeless: random.chance(8)
        )
        nextIdentity += 1
        return .candidateCreated
    }

    private mutating func awaitPods(_ sent: Sent, with random: inout SeededGenerator) -> Event? {
        guard let candidate = sent.survey?.candidate, var workload = workloads[candidate],
            workload.release == sent.order.number
        else { return .refused(.awaitPods, message: "the candidate is gone", details: []) }
        if workload.isHopeless, random.chance(50) {
            return .refused(.awaitPods, message: "crashes", details: ["exit 1"])
        }
        if !workload.isHopeless { workload.ready = min(workload.desired, workload.ready + 1 + random.below(3)) }
        workloads[candidate] = workload
        if workload.ready == workload.desired { return .podsReady }
        let pods = (0..<workload.desired).map { index in
            PodSummary(name: "blog-\(workload.identity)-\(index)", isReady: index < workload.ready)
        }
        return .podsObserved(PodsReport(ready: workload.ready, desired: workload.desired, pods: pods))
    }

    private mutating func stage(_ address: String, _ sent: Sent, with random: inout SeededGenerator) -> Event? {
        guard let node = nodes[address] else { return .nodesLeft([address]) }
        guard node.isReachable else {
            return .nodeFailed(.stage, NodeProblem(node: address, isUnreachable: true, message: "timed out"))
        }
        if random.chance(3) {
            return .nodeFailed(.stage, NodeProblem(node: address, isUnreachable: false, message: "disk full"))
        }
        let stagedFor = max(nodes[address]?.stagedFor ?? 0, sent.order.number)
        nodes[address]?.stagedFor = stagedFor
        return .nodeStaged(node: address)
    }

    /// A request with a lower fence than the node has seen is refused, and so is one that has expired.
    private func obeys(_ address: String, step: Int, _ sent: Sent, at now: Timestamp) -> Bool {
        guard let node = nodes[address], node.isReachable else { return false }
        return (sent.order.number, step) >= node.token && now <= sent.expires
    }

    private mutating func route(
        _ address: String,
        to color: Color?,
        step: Int,
        _ sent: Sent,
        at now: Timestamp
    ) -> Event? {
        let kind = step == 0 ? NodeStep.change : .revert
        if nodes[address] == nil { return .nodesLeft([address]) }
        guard var node = nodes[address], node.isReachable, let color else {
            return .nodeFailed(kind, NodeProblem(node: address, isUnreachable: true, message: "timed out"))
        }
        guard obeys(address, step: step, sent, at: now) else {
            return .nodeFailed(kind, NodeProblem(node: address, isUnreachable: false, message: "fenced"))
        }
        node.token = (sent.order.number, step)
        if !node.lies {
            if node.route != color { lastSwitch = now }
            node.route = color
        }
        nodes[address] = node
        guard node.route == color else {
            return .nodeFailed(kind, NodeProblem(node: address, isUnreachable: false, message: "not verified"))
        }
        return step == 0 ? .nodeSwitched(node: address) : .nodeReverted(node: address)
    }

    private mutating func remove(_ color: Color, _ sent: Sent, at now: Timestamp, isOld: Bool) {
        guard let workload = workloads[color], workload.identity == sent.target else { return }
        if let node = addresses.first(where: { nodes[$0]?.route == color }) {
            report(violation: "rule 3: \(color) is deleted while \(node) routes to it")
        }
        if isOld, now < lastSwitch + sent.order.rules.drainLeast {
            report(violation: "rule 3: \(color) is deleted before the drain is over")
        }
        workloads[color] = nil
    }
}
