import Integrations
import ReleaseMachine

@testable import Server

/// The events of a release, each a second after the one before.
struct ToldRelease {
    var order: Order
    var nodes: [String]
    var replicas: Int
    var live: LiveVersion?
    private(set) var events: [RecordedEvent]
    private(set) var release: Release

    static let start = Timestamp(milliseconds: 1_445_783_643_000)
    static let log = ["2015-10-25 14:34:03 starting", "2015-10-25 14:34:04 no database at db:5432", "exit status 1"]

    init(
        _ app: String = "blog", _ number: Int = 42, version: String = "v18",
        live: LiveVersion? = LiveVersion(color: .blue, version: "v17"),
        nodes: Int = 20, replicas: Int = 3, verify: Bool = false, at start: Timestamp = ToldRelease.start,
        _ change: (inout Order) -> Void = { _ in }
    ) {
        var rules = Rules()
        rules.previewURL = "https://preview.blog.domain.com"
        var order = Order(
            app: app, number: number, version: version, image: "registry.local:5000/\(app):\(version)", verify: verify,
            requestedBy: "mike", reason: "fix login", commit: "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678",
            source: "https://github.com/acme/blog",
            live: live.map { .init(version: $0.version, commit: "0718293a4b5c6d7e8f9012345678a1b2c3d4e5f6") },
            rules: rules)
        change(&order)
        self.order = order
        self.nodes = (0..<nodes).map { "10.122.\(41 + $0 / 200).\($0 % 200 + 10)" }
        self.replicas = replicas
        self.live = live
        let first = RecordedEvent(sequence: 1, at: start, event: .requested(order))
        events = [first]
        guard let release = Release(first) else { preconditionFailure("the first event requests a release") }
        self.release = release
    }

    mutating func apply(_ event: Event, after time: Duration = .seconds(1)) {
        let recorded = RecordedEvent(
            sequence: events.count + 1, at: (events.last?.at ?? Self.start) + time, event: event)
        events.append(recorded)
        release.apply(recorded)
    }

    /// Goes on to a phase.
    mutating func reach(_ phase: Phase) {
        let candidate = live?.color.other ?? .blue
        while release.phase < phase, !release.state.hasEnded {
            switch release.phase {
            case .discovering:
                apply(.discovered(Survey(live: live, candidate: candidate, replicas: replicas, nodes: nodes)))
            case .creating: apply(.candidateCreated)
            case .starting:
                pods(ready: replicas)
                apply(.podsReady)
            case .staging: for node in nodes { apply(.nodeStaged(node: node)) }
            case .verifying: apply(.promoted(by: "ann"))
            case .switching:
                if release.nodes.allSatisfy({ $0.state == .staged }) { apply(.candidateConfirmed) }
                for node in nodes { apply(.nodeSwitched(node: node)) }
            case .draining:
                apply(.liveRecorded(candidate))
                apply(.drained(DrainEvidence()))
            case .retiring:
                apply(.readBack(nodes.map { NodeReading(node: $0, color: candidate) }))
                apply(.oldRemoved)
            case .done: return
            }
        }
    }

    func reaching(_ phase: Phase) -> ToldRelease {
        var told = self
        told.reach(phase)
        return told
    }

    func applying(_ events: Event...) -> ToldRelease {
        var told = self
        for event in events { told.apply(event) }
        return told
    }

    mutating func pods(ready: Int, reason: String? = nil) {
        let pods = (0..<replicas).map { index in
            PodSummary(
                name: "\(order.app)-green-\(index)", isReady: index < ready, reason: index < ready ? nil : reason)
        }
        apply(.podsObserved(PodsReport(ready: ready, desired: replicas, pods: pods)))
    }

    /// What makes a release that goes back end.
    mutating func goBack() {
        while !release.state.hasEnded {
            let before = release
            for effect in release.effects {
                switch effect {
                case .revertNode(let node): apply(.nodeReverted(node: node))
                case .recordLive(let color): apply(.liveRecorded(color))
                case .readBack: apply(.readBack(nodes.map { NodeReading(node: $0, color: live?.color) }))
                case .removeCandidate: apply(.candidateRemoved)
                default: continue
                }
            }
            guard release != before else { return }
        }
    }

    var history: Milestones {
        guard let history = Milestones(events) else { preconditionFailure("there are events") }
        return history
    }
}

extension ToldRelease {
    /// One release in each state that a message can show.
    static var all: [(name: String, told: ToldRelease)] {
        var all: [(String, ToldRelease)] = [("requested", ToldRelease())]
        let plain = ToldRelease()
        let paused = ToldRelease(verify: true).reaching(.verifying)
        all.append(("creating", plain.reaching(.creating)))
        var starting = plain.reaching(.starting)
        starting.pods(ready: 2, reason: "the image cannot be pulled")
        all.append(("starting", starting))
        var staging = plain.reaching(.staging)
        for node in staging.nodes.prefix(18) { staging.apply(.nodeStaged(node: node)) }
        all.append(("staging", staging))
        all.append(("paused", paused))
        var asking = ToldRelease(verify: true) { order in
            order.rules.approvals = 2
            order.rules.approvers = .others
        }
        asking.reach(.verifying)
        asking.apply(.approved(by: "ann"))
        all.append(("approved", asking))
        all.append(("approved twice", asking.applying(.promoted(by: "bob"))))
        all.append(("forced", asking.applying(.promotionForced(by: "root", reason: "nobody is there"))))
        var switching = paused.applying(.promoted(by: "ann"), .candidateConfirmed)
        for node in switching.nodes.prefix(18) { switching.apply(.nodeSwitched(node: node)) }
        all.append(("switching", switching))
        var troubled = switching
        troubled.apply(.troubled(.switchNode(node: switching.nodes[18]), message: "no answer within 30 s"))
        all.append(("troubled", troubled))
        all.append(("draining", plain.reaching(.draining)))
        all.append(("retiring", plain.reaching(.retiring)))
        let live = plain.reaching(.done)
        all.append(("live", live))
        var drifted = plain.reaching(.retiring)
        drifted.apply(.readBack(drifted.nodes.map { NodeReading(node: $0, color: .blue, message: "routes to blue") }))
        all.append(("live, with nodes that need repair", drifted))
        var failed = starting.applying(.refused(.awaitPods, message: "pod blog-green-2 crashes", details: log))
        all.append(("failing", failed))
        failed.goBack()
        all.append(("failed", failed))
        var aborted = paused.applying(.abortRequested(by: "ann", reason: "wrong branch"))
        aborted.goBack()
        all.append(("aborted", aborted))
        var expired = paused
        if let timer = expired.release.timer { expired.apply(timer.event, after: .seconds(3600)) }
        expired.goBack()
        all.append(("not promoted", expired))
        var given = paused.applying(.supersedeRequested(version: "v19", by: "registry"))
        given.goBack()
        all.append(("given up", given))
        var back = switching.applying(.abortRequested(by: "ann", reason: nil))
        all.append(("going back", back))
        back.goBack()
        all.append(("rolled back", back))
        all.append(("replaced", live.applying(.replaced(by: 43, rolledBack: false))))
        all.append(("rolled back later", live.applying(.replaced(by: 43, rolledBack: true))))
        all.append(("first", ToldRelease(live: nil).reaching(.staging)))
        all.append(
            (
                "started by a hook",
                ToldRelease { order in
                    order.isAutomatic = true
                    order.requestedBy = "mike (gitlab)"
                    order.reason = nil
                }
            ))
        all.append(("rollback", ToldRelease(version: "v16") { $0.kind = .rollback(from: 41) }.reaching(.starting)))
        return all
    }

    static func named(_ name: String) -> ToldRelease {
        guard let found = all.first(where: { $0.name == name }) else { preconditionFailure("no release \(name)") }
        return found.told
    }
}
