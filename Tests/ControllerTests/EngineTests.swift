import Controller
import ReleaseMachine
import Testing
import ViridianConfiguration

@Suite("Running a release")
struct EngineTests {
    private let site = Site()
    private let first = World.nodes[0]
    private let second = World.nodes[1]

    @Test("a release goes live: each step starts when the one before is verified")
    func happyPath() async throws {
        let recorder = EventRecorder()
        let release = try await site.deploy(observe: recorder.observer)
        #expect(release.state == .live)
        #expect(
            await site.steps() == [
                "acquire", "note", "read", "create", "pods", "stage", "follow", "pods", "route", "record", "open",
                "read",
                "remove",
                "release",
            ])
        let calls = await site.world.calls
        for call in [
            "stage \(first)", "stage \(second)", "route \(first) green", "route \(second) green", "record green",
            "remove blue",
        ] {
            #expect(calls.filter { $0 == call }.count == 1, "\(call)")
        }
        #expect(
            site.kinds().filter { !["said", "podsObserved", "podsChanged", "nodePrepared"].contains($0) } == [
                "requested", "discovered", "candidateCreated", "podsReady", "nodeStaged", "nodeStaged",
                "candidateConfirmed",
                "nodeSwitched", "nodeSwitched", "liveRecorded", "drained", "readBack", "oldRemoved",
            ])
        #expect(await recorder.kinds == site.kinds())
        #expect(await recorder.events.map(\.sequence) == Array(1...site.kinds().count))
        #expect(await site.world.workloads == [.green: .init(version: Site.version, release: 1, ready: 2)])
        #expect(await site.world.routes == [first: .green, second: .green])
        #expect(await site.world.recorded == LiveVersion(color: .green, version: Site.version))
        #expect(await site.world.holder == nil)
        #expect(await site.world.violations == [])
        #expect(try #require(release.drain?.open) == [])
        #expect(try #require(release.endedAt) - release.createdAt >= .seconds(2))
    }

    @Test("nodes are prepared while pods start, and one that takes longer is staged when it is done")
    func preparing() async throws {
        let gate = Gate()
        let world = site.world
        await world.hold("prepare \(first)", at: gate)
        let release = try await site.deploy(observe: { recorded, release in
            guard recorded.event == .nodeStaged(node: second) else { return }
            #expect(release.phase == .staging)
            #expect(await !world.calls.contains("stage \(first)"))
            await gate.open()
        })
        #expect(release.state == .live)
        let calls = await world.calls
        for node in World.nodes {
            let (prepared, staged) = (calls.firstIndex(of: "prepare \(node)"), calls.firstIndex(of: "stage \(node)"))
            #expect(try #require(prepared) < (try #require(staged)))
        }
    }

    @Test("what could not be prepared is logged, and does not end the release: staging retries it")
    func unprepared() async throws {
        let problem = NodeProblem(node: first, isUnreachable: false, message: "disk full")
        await site.world.fail("prepare \(first)", with: [problem])
        #expect(try await site.deploy().state == .live)
        let events = try site.journal.events(app: "blog", number: 1, after: 0).map(\.event)
        #expect(events.contains(.said(LogMessage(source: first, "cannot be staged yet: disk full"))))
        #expect(await site.world.calls.filter { $0 == "prepare \(first)" }.count == 1)
    }

    @Test("an app's first release")
    func firstRelease() async throws {
        let site = Site(isLive: false)
        let release = try await site.deploy()
        #expect(release.state == .live)
        #expect(release.candidate == .blue)
        #expect(release.previous == nil)
        #expect(await site.world.routes == [first: .blue, second: .blue])
        #expect(await !site.world.calls.contains { $0.hasPrefix("remove") })
    }

    // MARK: Transient errors

    @Test("a failed effect is retried after a pause that doubles")
    func backOff() async throws {
        await site.world.fail("create", with: [TransientError(), TransientError(), TransientError()])
        let release = try await site.deploy()
        #expect(release.state == .live)
        #expect(await site.world.calls.filter { $0 == "create" }.count == 4)
        let events = try site.journal.events(app: "blog", number: 1, after: 0)
        let troubled = events.filter { $0.event == .troubled(.createCandidate, message: "the API did not answer") }
        #expect(troubled.count == 1)
        let created = try #require(events.first { $0.event == .candidateCreated })
        #expect(created.at - (try #require(troubled.first).at) >= .milliseconds(200 + 400 + 800))
    }

    @Test(
        "every step survives a lost answer",
        arguments: ["survey", "list", "create", "pods", "record", "remove"])
    func hiccups(_ call: String) async throws {
        await site.world.fail(call, with: [TransientError()])
        #expect(try await site.deploy().state == .live)
        #expect(site.kinds().contains("troubled"))
        #expect(await site.world.violations == [])
    }

    @Test("a node that does not answer during the drain counts as in use, up to the longest drain")
    func drainUnknown() async throws {
        await site.world.failAlways("open", with: TransientError())
        let release = try await site.deploy()
        #expect(release.state == .live)
        #expect(release.drain?.open.map(\.node) == World.nodes.sorted())
        let bounds = try #require(release.drainBounds)
        let drained = try #require(
            try site.journal.events(app: "blog", number: 1, after: 0).first { $0.event.kind == "drained" })
        #expect(drained.at >= bounds.upperBound)
    }

    // MARK: Failures

    @Test("a refusal ends the release: the candidate is deleted, and traffic is where it was")
    func refusal() async throws {
        await site.world.fail("create", with: [Refusal("no NodePort 30001", details: ["correct the service"])])
        let release = try await site.deploy()
        #expect(release.state == .failed)
        #expect(
            release.failure == Failure(phase: .creating, message: "no NodePort 30001", details: ["correct the service"])
        )
        #expect(await site.world.workloads.keys.sorted { $0.rawValue < $1.rawValue } == [.blue])
        #expect(await !site.world.calls.contains { $0.hasPrefix("stage") || $0.hasPrefix("route") })
    }

    @Test("pods that cannot become ready end the release at once")
    func failingPods() async throws {
        await site.world.set(pods: .crash)
        let release = try await site.deploy()
        #expect(release.failure == Failure(phase: .starting, message: "blog crashes", details: ["exit 1"]))
        #expect(await site.world.workloads[.green] == nil)
        #expect(try #require(release.endedAt) - release.createdAt < .seconds(5))
    }

    @Test("pods that do not become ready end the release at the timeout")
    func deadline() async throws {
        await site.world.set(pods: .stayUnready)
        let release = try await site.deploy()
        #expect(release.state == .failed)
        #expect(release.failure?.message == "timed out: 0 of 2 pods are ready")
        #expect(
            release.failure?.details == [
                "blog-green-0: running, not ready yet", "blog-green-1: running, not ready yet",
            ])
        let starting = try #require(release.spans.first { $0.phase == .starting })
        #expect(try #require(starting.endedAt) - starting.startedAt >= .seconds(60))
        #expect(await site.world.workloads[.green] == nil)
    }

    @Test("nodes that cannot be staged are all named, and none is switched")
    func staging() async throws {
        for node in World.nodes {
            await site.world.fail(
                "stage \(node)", with: [NodeProblem(node: node, isUnreachable: false, message: "disk full")])
        }
        let release = try await site.deploy()
        #expect(release.failure?.message == "2 of 2 nodes could not be staged")
        #expect(release.failure?.details == World.nodes.map { "\($0): disk full" })
        #expect(await !site.world.calls.contains { $0.hasPrefix("route") })
    }

    @Test("when one node cannot switch the other is reverted")
    func switching() async throws {
        await site.world.failAlways(
            "route \(second) green", with: NodeProblem(node: second, isUnreachable: false, message: "nginx -t failed"))
        let release = try await site.deploy()
        #expect(release.state == .failed)
        #expect(release.failure?.message == "1 of 2 nodes could not be switched")
        #expect(await site.world.routes == [first: .blue, second: .blue])
        #expect(await site.world.workloads.keys.contains(.green) == false)
        #expect(await site.world.violations == [])
    }

    @Test(
        "when the live colour grew during the release, the candidate is scaled up and ready before it gets the traffic")
    func scaledUp() async throws {
        let world = site.world
        let release = try await site.deploy(observe: { recorded, _ in
            guard recorded.event.kind == "podsReady" else { return }
            await world.setWorkload(.blue, .init(version: World.oldVersion, release: nil, replicas: 5, ready: 5))
        })
        #expect(release.state == .live)
        #expect(release.pods?.desired == 5)
        let green = World.Workload(version: Site.version, release: 1, replicas: 5, ready: 5)
        #expect(await world.workloads == [.green: green])
        let events = try site.journal.events(app: "blog", number: 1, after: 0)
        let confirmed = try #require(events.first { $0.event == .candidateConfirmed })
        let grown = try #require(
            events.first { recorded in
                Release(folding: events.prefix(recorded.sequence))?.pods?.ready == 5
            })
        #expect(grown.sequence < confirmed.sequence)
        #expect(events.contains { $0.event == .said(LogMessage("grew to 5")) })
    }

    @Test("when it grows again while the candidate scales, the candidate is scaled again")
    func scaledUpTwice() async throws {
        let world = site.world
        let release = try await site.deploy(observe: { recorded, release in
            let replicas: Int
            switch recorded.event {
            case .podsReady: replicas = 4
            case .podsObserved where release.pods?.desired == 4, .podsChanged where release.pods?.desired == 4:
                replicas = 6
            default: return
            }
            await world.setWorkload(.blue, .init(version: World.oldVersion, release: nil, replicas: replicas, ready: 2))
        })
        #expect(release.state == .live)
        #expect(await world.workloads[.green]?.ready == 6)
    }

    @Test("a requested number of replicas is kept")
    func askedFor() async throws {
        let world = site.world
        let releases = try site.releases()
        let request = AppReleases.Request(version: try Version(Site.version), replicas: 1, by: "anna")
        let release = try await site.clock.running {
            try await releases.deploy(request, until: .whenEnded) { recorded, _ in
                guard recorded.event.kind == "podsReady" else { return }
                await world.setWorkload(.blue, .init(version: World.oldVersion, release: nil, replicas: 5, ready: 5))
            }
        }
        #expect(release.state == .live)
        #expect(await world.workloads[.green]?.replicas == 1)
    }

    @Test("when the live colour is scaled to 0 the candidate gets the app's configured number")
    func scaledToNothing() async throws {
        await site.world.setWorkload(.blue, .init(version: World.oldVersion, release: nil, replicas: 0, ready: 0))
        let release = try await site.deploy()
        #expect(release.survey?.replicas == 1)
        #expect(await site.world.workloads[.green]?.ready == 1)
    }

    @Test("a lost pod of the candidate is waited for before the switch, until the timeout")
    func lostPod() async throws {
        let world = site.world
        let release = try await site.deploy(observe: { recorded, _ in
            guard recorded.event.kind == "podsReady" else { return }
            await world.setWorkload(.green, .init(version: Site.version, release: 1, ready: 0))
        })
        #expect(release.state == .live)
        #expect(await world.violations == [])
    }

    @Test("candidate pods that are lost just before the switch stop it")
    func confirmation() async throws {
        let world = site.world
        let release = try await site.deploy(observe: { recorded, release in
            guard recorded.event.kind == "podsReady" else { return }
            await world.set(pods: .stayUnready)
            await world.setWorkload(.green, .init(version: Site.version, release: 1, ready: 1))
        })
        #expect(release.failure?.phase == .switching)
        #expect(release.failure?.message == "1 of 2 pods are ready just before the switch")
        #expect(await site.world.routes == [first: .blue, second: .blue])
    }

    @Test("a pause without a promotion aborts the release")
    func verifyDeadline() async throws {
        let release = try await site.deploy(verify: true)
        #expect(release.state == .aborted)
        #expect(release.cause == .verificationExpired)
        #expect(await site.world.workloads[.green] == nil)
    }

    // MARK: The lease

    @Test("a process that loses the lease stops, and does nothing more")
    func lostLease() async throws {
        await site.world.set(pods: .stayUnready)
        let (world, clock) = (site.world, site.clock)
        let error = await errorText {
            try await site.deploy(observe: { recorded, _ in
                if recorded.event.kind == "candidateCreated" { await world.steal(by: "ben@ci-2") }
            })
        }
        #expect(error == "the lease was taken over by ben@ci-2: this process has stopped")
        #expect(clock.now - ManualClock.start < .seconds(15))
        let calls = await world.calls.count
        try await clock.running { try await clock.sleep(for: .seconds(30)) }
        #expect(await world.calls.count == calls)
        #expect(await world.workloads[.green] != nil)
        #expect(await world.holder == "ben@ci-2")
        #expect(try await site.releases().latest()?.state == .running)
    }

    @Test("a write that finds the lease lost stops the process as well")
    func lostLeaseAtWrite() async throws {
        await site.world.fail("record green", with: [LeaseLost(holder: "ben@ci-2")])
        let error = await errorText { try await site.deploy() }
        #expect(error == "the lease was taken over by ben@ci-2: this process has stopped")
    }

    @Test("one failed renewal has no consequences")
    func renewalFails() async throws {
        await site.world.set(pods: .stayUnready)
        await site.world.fail("renew", with: [TransientError(), TransientError()])
        #expect(try await site.deploy().failure?.phase == .starting)
    }

    @Test(
        "when the cluster does not answer in time, the process stops before another can hold the lease",
        arguments: [false, true])
    func leaseRunsOut(_ hangs: Bool) async throws {
        await site.world.set(pods: .stayUnready)
        if hangs {
            await site.world.hang("renew")
        } else {
            await site.world.failAlways("renew", with: TransientError())
        }
        let (world, clock) = (site.world, site.clock)
        let why = hangs ? "the renewal was not answered" : "the API did not answer"
        let stopped = EventRecorder()
        let error = await errorText {
            try await site.deploy(observe: { recorded, _ in
                guard recorded.event.kind == "said" else { return }
                await stopped.record(recorded)
                await world.failAlways("acquire", with: TransientError())
            })
        }
        // The lease could not be acquired again for a long time, in which nothing was done.
        #expect(error == "the lease expired because the cluster did not answer (\(why)): this process has stopped")
        let said = try #require(await stopped.events.first)
        #expect(
            said.event
                == .said(LogMessage("The cluster does not answer: the release stops, and continues when it answers")))
        #expect(said.at - ManualClock.start <= .milliseconds(15_500))
        #expect(clock.now - ManualClock.start >= .seconds(900))
        let calls = await world.calls
        let end = try #require(calls.firstIndex { $0.hasPrefix("release") })
        #expect(Set(calls[end...]).isSubset(of: ["release", "acquire"]))
    }

    @Test("when the cluster answers again the release continues, under the same number")
    func outage() async throws {
        let world = site.world
        await world.set(pods: .stayUnready)
        await world.failAlways("renew", with: TransientError())
        let recorder = EventRecorder()
        let release = try await site.deploy(observe: { recorded, release in
            await recorder.record(recorded)
            guard recorded.event.kind == "said" else { return }
            await world.repair("renew")
            await world.set(pods: .becomeReady)
        })
        #expect(release.state == .live)
        #expect(release.order.number == 1)
        #expect(await recorder.kinds.filter { $0 == "requested" }.count == 1)
        #expect(await world.calls.filter { $0 == "acquire" }.count == 2)
        #expect(await world.violations == [])
        #expect(await world.holder == nil)
    }

    @Test("a process that acquired the lease during the outage keeps it")
    func takenDuringOutage() async throws {
        await site.world.set(pods: .stayUnready)
        await site.world.failAlways("renew", with: TransientError())
        let world = site.world
        let error = await errorText {
            try await site.deploy(observe: { recorded, _ in
                if recorded.event.kind == "said" { await world.setLastRelease(2) }
            })
        }
        #expect(error == "the lease was taken over by blog/2: this process has stopped")
    }

    @Test("a process that runs the release during the outage is followed to its end")
    func finishedDuringOutage() async throws {
        await site.world.set(pods: .stayUnready)
        await site.world.failAlways("renew", with: TransientError())
        let (world, journal, clock) = (site.world, site.journal, site.clock)
        let recorder = EventRecorder()
        let release = try await site.deploy(observe: { recorded, release in
            await recorder.record(recorded)
            guard recorded.event.kind == "said" else { return }
            await world.steal(by: "ben@ci-2")
            // Appended by Ben's process.
            for (step, event) in [
                Event.takenUp(by: "ben"), .refused(.awaitPods, message: "no", details: []),
                .readBack([]), .candidateRemoved,
            ].enumerated() {
                let next = RecordedEvent(sequence: release.sequence + 1 + step, at: clock.now, event: event)
                try? await journal.append(next, app: "blog", number: 1)
            }
        })
        #expect(release.state == .failed)
        #expect(release.failure?.message == "no")
        #expect(await recorder.kinds.suffix(4) == ["takenUp", "refused", "readBack", "candidateRemoved"])
        #expect(await world.holder == "ben@ci-2")
    }

    // MARK: Stopping

    @Test("a cancelled release waits for a running switch, and can be resumed")
    func cancelWhileSwitching() async throws {
        let gate = Gate(stopping: site.clock)
        await site.world.hold("route \(first) green", at: gate)
        let running = Task { [site] in try await site.deploy() }
        await gate.arrival()
        running.cancel()
        for _ in 0..<200 { await Task.yield() }
        #expect(await site.world.holder == "anna@ci-1")
        await gate.open()
        await #expect(throws: CancellationError.self) { try await running.value }
        #expect(await site.world.routes[first] == .green)
        #expect(await site.world.holder == nil)
        #expect(await site.world.calls.last == "release")

        #expect(try await site.deploy().state == .live)
        #expect(try await site.releases().latest()?.order.number == 1)
        #expect(await site.world.violations == [])
    }

    @Test("effects that can be interrupted stop at once")
    func cancelWhileStarting() async throws {
        await site.world.set(pods: .stayUnready)
        let gate = Gate(stopping: site.clock)
        await site.world.hold("pods", at: gate)
        let running = Task { [site] in try await site.deploy() }
        await gate.arrival()
        running.cancel()
        await gate.open()
        await #expect(throws: CancellationError.self) { try await running.value }
        #expect(await site.world.holder == nil)
        #expect(try await site.releases().latest()?.phase == .starting)
    }

    @Test("with `.whenPaused` it returns at the pause, with no effect running")
    func untilPaused() async throws {
        let release = try await site.deploy(verify: true, until: .whenPaused)
        #expect(release.state == .paused)
        #expect(await site.world.holder == nil)
        #expect(await site.world.routes == [first: .blue, second: .blue])
        // Running it again returns at the same pause.
        #expect(try await site.deploy(until: .whenPaused).order.number == 1)
    }

    @Test("a release that does not exist cannot be run")
    func nothing() async throws {
        let error = await errorText {
            try await site.engine().run(
                app: "blog", number: 7, lease: LeaseTerm(lastRelease: 0, duration: .seconds(15)))
        }
        #expect(error == "there is no release blog/7")
    }
}
