import Testing

@testable import ReleaseMachine

@Suite("Whether a version may be released now")
struct AdmissionTests {
    private static func release(
        _ number: Int, _ version: String, digest: String? = nil, kind: Order.Kind = .deploy, _ events: Event...
    ) throws -> Release {
        let image = "registry.local:5000/blog:\(version)" + (digest.map { "@\($0)" } ?? "")
        let order = Order(app: "blog", number: number, kind: kind, version: version, image: image, requestedBy: "anna")
        let start = Story.start + .seconds(60 * number)
        var release = try #require(Release(RecordedEvent(sequence: 1, at: start, event: .requested(order))))
        for (index, event) in events.enumerated() {
            release.apply(RecordedEvent(sequence: index + 2, at: start + .seconds(index), event: event))
        }
        return release
    }

    /// What a release that backs out still has to do, done.
    private static func goBack(_ release: inout Release) {
        for sequence in 50..<60 {
            let event: Event? =
                switch release.effects.first {
                case .readBack:
                    .readBack(release.nodes.map { NodeReading(node: $0.address, color: release.previous?.color) })
                case .removeCandidate: .candidateRemoved
                default: nil
                }
            guard let event else { return }
            release.apply(RecordedEvent(sequence: sequence, at: release.updatedAt, event: event))
        }
    }

    /// To its end.
    private static func live(_ number: Int, _ version: String, digest: String? = nil) throws -> Release {
        try release(
            number, version, digest: digest, .discovered(Story.survey()), .candidateCreated, .podsReady,
            .nodeStaged(node: Story.nodes[0]), .nodeStaged(node: Story.nodes[1]), .candidateConfirmed,
            .nodeSwitched(node: Story.nodes[0]), .nodeSwitched(node: Story.nodes[1]), .liveRecorded(.green),
            .drained(DrainEvidence(open: [])),
            .readBack(Story.nodes.map { NodeReading(node: $0, color: .green) }), .oldRemoved)
    }

    private static func pushed(_ version: String, minute: Int = 100, digest: String? = nil) -> PushedVersion {
        PushedVersion(
            app: "blog", version: version, digest: digest, pushedAt: Story.start + .seconds(60 * minute),
            sender: "registry")
    }

    private let everyone: [Admission.Requester] = [
        .person(overridesHolds: false), .person(overridesHolds: true), .script, .hook,
    ]

    @Test("a newer version starts, whoever asks")
    func newer() throws {
        let admission = Admission(app: "blog", releases: [try Self.live(1, "v1")])
        for requester in everyone { #expect(admission.decide(Self.pushed("v2"), for: requester) == .start(note: nil)) }
    }

    @Test("an older version is started by a person only, who is told")
    func older() throws {
        let admission = Admission(app: "blog", releases: [try Self.live(1, "v2")])
        let sentence = "v1 of blog is older than v2, which is live: its number is lower"
        #expect(admission.decide(Self.pushed("v1"), for: .person(overridesHolds: false)) == .start(note: sentence))
        for requester in [Admission.Requester.script, .hook] {
            #expect(admission.decide(Self.pushed("v1"), for: requester) == .ignore(sentence, release: nil))
        }
    }

    @Test(
        "what is live or being released starts nothing; what failed is tried again by a script only; what was rolled back by neither"
    )
    func again() throws {
        let live = try Self.live(1, "v1", digest: "sha256:a")
        var failed = try Self.release(
            2, "v2", .discovered(Story.survey()), .refused(.createCandidate, message: "no", details: []))
        Self.goBack(&failed)
        var rolledBack = try Self.live(3, "v3")
        rolledBack.apply(RecordedEvent(sequence: 99, at: Story.start, event: .replaced(by: 4, rolledBack: true)))
        let admission = Admission(app: "blog", releases: [rolledBack, failed, live])
        func decide(_ version: PushedVersion, _ requester: Admission.Requester) -> Admission.Decision {
            admission.decide(version, for: requester)
        }
        #expect(
            decide(Self.pushed("v1", digest: "sha256:a"), .script)
                == .ignore("v1 of blog is live already (blog/1)", release: 1))
        #expect(
            decide(Self.pushed("v1", digest: "sha256:b"), .hook) == .start(note: nil), "another image by the same tag")
        #expect(decide(Self.pushed("v2"), .script) == .start(note: nil))
        guard case .ignore(let tried, 2) = decide(Self.pushed("v2"), .hook) else { return #expect(Bool(false)) }
        #expect(tried.contains("blog/2 failed"), "\(tried)")
        for requester in [Admission.Requester.script, .hook] {
            guard case .ignore(let why, 3) = decide(Self.pushed("v3"), requester) else { return #expect(Bool(false)) }
            #expect(why.contains("was rolled back (blog/3)") && why.contains("viridian deploy blog --version v3"))
        }
    }

    @Test("a tag without a digest that is live is another image once it is pushed again")
    func tagOnly() throws {
        let admission = Admission(app: "blog", releases: [try Self.live(10, "latest")])
        #expect(
            admission.decide(Self.pushed("latest", minute: 20, digest: "sha256:b"), for: .hook) == .start(note: nil))
        let before = admission.decide(Self.pushed("latest", minute: 5, digest: "sha256:b"), for: .hook)
        #expect(before == .ignore("latest of blog is live already (blog/10)", release: 10))
    }

    @Test(
        "a lock refuses persons and lets others wait; one for automatic releases lets persons pass; the one that lasts longest is named"
    )
    func holds() throws {
        let soon = Admission.Hold("soon", until: Story.start + .seconds(60))
        let later = Admission.Hold("later", until: Story.start + .seconds(120))
        let automatic = Admission.Hold("automatic", isAutomatic: true)
        var admission = Admission(app: "blog", releases: [try Self.live(1, "v1")], holds: [soon, later, automatic])
        let version = Self.pushed("v2")
        #expect(
            admission.decide(version, for: .person(overridesHolds: false)) == .refuseHeld("later", until: later.until))
        #expect(admission.decide(version, for: .person(overridesHolds: true)) == .start(note: nil))
        #expect(admission.decide(version, for: .hook) == .wait("automatic"))
        #expect(admission.decide(version, for: .script) == .wait("automatic"))
        admission.holds = [automatic]
        #expect(admission.decide(version, for: .person(overridesHolds: false)) == .start(note: nil))
    }

    @Test(
        "while a release runs, policy decides; it is superseded only before the first node switches, and never a rollback or what a person promoted"
    )
    func busy() throws {
        let running = try Self.release(2, "v2", .discovered(Story.survey()))
        func decide(_ release: Release, _ policy: Admission.BusyPolicy) -> Admission.Decision {
            Admission(app: "blog", releases: [release], whenBusy: policy).decide(Self.pushed("v3"), for: .hook)
        }
        #expect(
            decide(running, .refuse)
                == .refuseBusy("blog/2 (v2) is creating, and whenBusy of blog is refuse", release: 2))
        #expect(decide(running, .queue) == .wait("waits for blog/2 (v2), which is creating"))
        #expect(decide(running, .supersede) == .supersede(release: 2, "blog/2 (v2) is given up for v3"))
        let switching = try Self.release(
            2, "v2", .discovered(Story.survey()), .candidateCreated, .podsReady, .nodeStaged(node: Story.nodes[0]),
            .nodeStaged(node: Story.nodes[1]), .candidateConfirmed)
        #expect(decide(switching, .supersede) == .wait("waits for blog/2 (v2), which is switching"))
        let rollback = try Self.release(2, "v1", kind: .rollback(from: 1))
        #expect(decide(rollback, .supersede) == .wait("waits for blog/2 (v1), which is discovering"))
    }

    @Test("a release that is given up for a newer version goes back, and ends as aborted")
    func superseded() throws {
        var release = try Self.release(
            2, "v2", .discovered(Story.survey()), .supersedeRequested(version: "v3", by: "registry"))
        Self.goBack(&release)
        #expect(release.cause == .superseded(by: "v3") && release.state == .aborted)
        release = try Self.release(
            2, "v2", .discovered(Story.survey()), .candidateCreated, .podsReady, .nodeStaged(node: Story.nodes[0]),
            .nodeStaged(node: Story.nodes[1]), .candidateConfirmed, .supersedeRequested(version: "v3", by: "registry"))
        #expect(!release.isBackingOut, "a node may have been switched")
    }

    @Test("the version that waits is newer than another, except for a person: it serves nobody")
    func queued() throws {
        let admission = Admission(app: "blog", releases: [try Self.live(1, "v1")], queued: Self.pushed("v4"))
        #expect(
            admission.decide(Self.pushed("v3"), for: .hook)
                == .ignore("v3 of blog is older than v4, which waits: its number is lower", release: nil))
        #expect(admission.decide(Self.pushed("v3"), for: .person(overridesHolds: false)) == .start(note: nil))
        #expect(admission.decide(Self.pushed("v4"), for: .hook) == .wait("v4 of blog waits already"))
    }
}
