import Controller
import ReleaseMachine
import Testing

@testable import Commands

/// A release of the article's blog, told event by event.
struct Telling {
    private(set) var release: Release?
    private(set) var lines: [String] = []
    private var narrator = Narrator()
    private var sequence = 0

    mutating func tell(_ event: Event, at seconds: Int64 = 0) {
        sequence += 1
        let recorded = RecordedEvent(
            sequence: sequence,
            at: Timestamp(milliseconds: 1_445_783_643_000 + seconds * 1000),
            event: event
        )
        if release == nil { release = Release(recorded) } else { release?.apply(recorded) }
        guard let release else { return }
        lines += narrator.lines(recorded, release)
    }

    static let order = Order(
        app: "blog",
        number: 42,
        version: "20151025.143403",
        image: "registry.local:5000/blog:20151025.143403",
        requestedBy: "jenkins"
    )

    static let survey = Survey(
        live: LiveVersion(color: .blue, version: "20151024.090000"),
        candidate: .green,
        replicas: 1,
        nodes: ["10.122.43.70", "10.122.41.136"]
    )

    static func untilSwitched() -> Telling {
        var telling = Telling()
        telling.tell(.requested(order))
        telling.tell(.discovered(survey))
        telling.tell(.candidateCreated, at: 1)
        telling.tell(
            .podsObserved(PodsReport(ready: 1, desired: 1, pods: [PodSummary(name: "blog-green-x", isReady: true)])),
            at: 4)
        telling.tell(.podsReady, at: 4)
        for node in survey.nodes { telling.tell(.nodeStaged(node: node), at: 5) }
        telling.tell(.candidateConfirmed, at: 5)
        for node in survey.nodes { telling.tell(.nodeSwitched(node: node), at: 6) }
        return telling
    }
}

@Suite("A release told line by line")
struct NarratorTests {
    @Test("the article's release reads as its sample output does, one line an event")
    func article() {
        var telling = Telling.untilSwitched()
        telling.tell(.liveRecorded(.green), at: 6)
        telling.tell(.drained(DrainEvidence()), at: 36)
        telling.tell(
            .readBack(Telling.survey.nodes.map { NodeReading(node: $0, color: .green) }),
            at: 36
        )
        telling.tell(.oldRemoved, at: 37)
        #expect(
            telling.lines == [
                "blog/42 +0.0s --- Starting deploy of 20151025.143403 for blog, asked by jenkins ---",
                "blog/42 +0.0s Collecting nodes and the live colour",
                "blog/42 +0.0s Found 2 nodes; blue is live with 20151024.090000",
                "blog/42 +0.0s Deploying to colour green with 1 replica",
                "blog/42 +1.0s Created blog-green at version 20151025.143403 (registry.local:5000/blog:20151025.143403)",
                "blog/42 +1.0s Waiting for the pods to come online fully before moving on",
                "blog/42 +4.0s Waiting for all pods to come online. 1/1 are now online",
                "blog/42 +4.0s All pods are online!",
                "blog/42 +4.0s --- Staging 2 nodes ---",
                "blog/42 +5.0s [10.122.43.70] staged: green answers from there (1/2)",
                "blog/42 +5.0s [10.122.41.136] staged: green answers from there (2/2)",
                "blog/42 +5.0s --- Switching 2 nodes to green ---",
                "blog/42 +6.0s [10.122.43.70] routes to green, verified (1/2)",
                "blog/42 +6.0s [10.122.41.136] routes to green, verified (2/2)",
                "blog/42 +6.0s All nodes route to green; letting connections to blue drain for at least 30.0s",
                "blog/42 +6.0s Set the live colour of blog to green",
                "blog/42 +36.0s Nothing is open to blue any more",
                "blog/42 +36.0s --- Running the cleanup ---",
                "blog/42 +36.0s Read back from every node: green",
                "blog/42 +37.0s Deleted blog-blue (20151024.090000) and its pods",
                "blog/42 +37.0s -- DEPLOY DONE -- blog/42 is live: 20151025.143403 serves on green (37.0s)",
            ]
        )
    }

    @Test("a failure tells the phase, the cause, what was seen, and what serves")
    func failure() {
        var telling = Telling()
        telling.tell(.requested(Telling.order))
        telling.tell(.discovered(Telling.survey))
        telling.tell(.candidateCreated)
        telling.tell(
            .refused(.awaitPods, message: "pod blog-green-x: blog exited with code 3", details: ["fatal: no database"]))
        telling.tell(.readBack([]))
        telling.tell(.candidateRemoved)
        #expect(
            telling.lines.suffix(5) == [
                "blog/42 +0.0s FAILED in phase starting: pod blog-green-x: blog exited with code 3",
                "blog/42 +0.0s   fatal: no database",
                "blog/42 +0.0s Read back from every node: ",
                "blog/42 +0.0s Deleted blog-green (20151025.143403) and its pods",
                "blog/42 +0.0s -- DEPLOY FAILED -- blog/42 (20151025.143403): 20151024.090000 on blue serves, as before (0.0s)",
            ]
        )
    }

    @Test("what a node or a pod prints cannot command the terminal")
    func escapes() {
        var telling = Telling.untilSwitched()
        telling.tell(.said(Line(source: "10.122.43.70", "\u{1b}[2Jgone\u{7}\u{202e}")))
        #expect(telling.lines.last == #"blog/42 +0.0s [10.122.43.70] out: \u{1b}[2Jgone\u{7}\u{202e}"#)
    }

    @Test("a count of pods is told when it changes, and a reason once")
    func pods() {
        var telling = Telling()
        telling.tell(.requested(Telling.order))
        telling.tell(.discovered(Telling.survey))
        telling.tell(.candidateCreated)
        let waiting = PodSummary(
            name: "blog-green-x", isReady: false, reason: "no node has room: 0/1 nodes are available")
        for restarts in 0..<3 {
            var pod = waiting
            pod.restarts = restarts
            telling.tell(.podsObserved(PodsReport(ready: 0, desired: 1, pods: [pod])))
        }
        #expect(telling.lines.filter { $0.contains("0/1 are now online") }.count == 1)
        #expect(telling.lines.filter { $0.contains("no node has room") }.count == 1)
    }
}

@Suite("How a verb ends")
struct OutcomeTests {
    @Test("the exit status follows what became of the release")
    func statuses() throws {
        var telling = Telling.untilSwitched()
        #expect(Outcome(try #require(telling.release)).exitStatus == .couldNot)
        telling.tell(.abortRequested(by: "somebody", reason: nil))
        for node in Telling.survey.nodes { telling.tell(.nodeReverted(node: node)) }
        telling.tell(.liveRecorded(.blue))
        telling.tell(.readBack(Telling.survey.nodes.map { NodeReading(node: $0, color: .blue) }))
        telling.tell(.candidateRemoved)
        #expect(telling.release?.state == .rolledBack)
        #expect(Outcome(try #require(telling.release)).exitStatus == .aborted)
    }

    @Test("a node that is astray at the end is status 5, named with the mend")
    func needsRepair() throws {
        var telling = Telling.untilSwitched()
        telling.tell(.liveRecorded(.green))
        telling.tell(.drained(DrainEvidence()))
        telling.tell(
            .readBack([
                NodeReading(node: "10.122.43.70", color: .green),
                NodeReading(node: "10.122.41.136", color: nil, isUnreachable: true, message: "timed out"),
            ]))
        let outcome = Outcome(try #require(telling.release))
        #expect(outcome.exitStatus == .needsRepair)
        #expect(outcome.sentence.contains("to be repaired: 1 node"))
        #expect(
            outcome.mend == [
                "10.122.41.136: timed out",
                "blog-blue (20151024.090000) and its pods were not deleted",
                "nothing that they may route to was deleted; to end it: viridian repair blog",
            ])
    }
}

@Suite("What happens to a release beside its own steps, in its lines")
struct NarratedTroubleTests {
    @Test("a machine that was taken away, and one that slept")
    func departures() {
        var telling = Telling()
        telling.tell(.requested(Telling.order))
        telling.tell(.discovered(Telling.survey))
        telling.tell(.nodesLeft(["10.122.41.136"]), at: 2)
        telling.tell(.resumed(milliseconds: 7_200_000), at: 3)
        #expect(
            telling.lines.suffix(2) == [
                "blog/42 +2.0s [10.122.41.136] is no longer in the inventory: it takes no part in this release any more",
                "blog/42 +3.0s Nobody ran this release for \(Duration.seconds(7200).short): it goes on, and its deadlines "
                    + "are counted from now",
            ])
    }

    @Test("a pause says what ends it, and that something has to run it then")
    func pause() throws {
        var order = Telling.order
        order.verify = true
        var telling = Telling()
        telling.tell(.requested(order))
        telling.tell(.discovered(Telling.survey))
        telling.tell(.candidateCreated)
        telling.tell(.podsReady)
        for node in Telling.survey.nodes { telling.tell(.nodeStaged(node: node)) }
        let words = "; then it aborts when something runs it: viridian serve, or the same deploy"
        #expect(telling.lines.contains { $0.contains("--- Paused for verification until") && $0.contains(words) })
        let sentence = Outcome(try #require(telling.release)).sentence
        #expect(sentence.hasPrefix("blog/42 is paused for verification until") && sentence.hasSuffix(words))
    }
}

@Suite("A release on a terminal")
struct LiveBlockTests {
    @Test("no line is wider than the terminal, and the cause is on top", arguments: [40, 80, 200])
    func width(_ width: Int) throws {
        var telling = Telling()
        telling.tell(.requested(Telling.order))
        telling.tell(.discovered(Telling.survey))
        telling.tell(.candidateCreated)
        telling.tell(.refused(.awaitPods, message: String(repeating: "long ", count: 60), details: ["\u{1b}[31mred"]))
        let terminal = Terminal(isInteractive: true, usesColor: false, width: width)
        let lines = LiveBlock(
            release: try #require(telling.release), now: Timestamp(milliseconds: 1_445_783_650_000), terminal: terminal
        ).lines
        let written = lines.map(\.written)
        #expect(written.allSatisfy { $0.count <= width })
        #expect(written[1].hasPrefix("✖ long"))
        #expect(!written.joined().contains("\u{1b}"))
    }
}

@Suite("A release on a terminal, in particular")
struct LiveBlockDetailTests {
    private let now = Timestamp(milliseconds: 1_445_783_650_000)

    private func lines(_ release: Release?, _ terminal: Terminal) throws -> [String] {
        LiveBlock(release: try #require(release), now: now, terminal: terminal).lines.map(\.written)
    }

    @Test("in a pipe the first line is as long as its words")
    func piped() throws {
        let terminal = Terminal(isInteractive: false, usesColor: false, width: 200)
        let first = try #require(try lines(Telling.untilSwitched().release, terminal).first)
        #expect(
            first.count < 80 && first.hasPrefix("blog/42  20151024.090000 → 20151025.143403 on green  "), "\(first)")
    }

    @Test("a block is never higher than the window, and keeps what is going on", arguments: 2...10)
    func small(_ height: Int) throws {
        let terminal = Terminal(isInteractive: true, usesColor: false, width: 80, height: height)
        let lines = try lines(Telling.untilSwitched().release, terminal)
        #expect(lines.count <= height - 1, "\(lines)")
        #expect(lines[0].hasPrefix("blog/42"))
        if height > 2 { #expect(lines.contains { $0.hasPrefix("▸ draining") }, "\(lines)") }
    }

    @Test(
        "a pause says what happens at its end and where to try the version; then who promoted",
        arguments: [true, false])
    func paused(aborts: Bool) throws {
        var rules = Rules()
        rules.previewURL = "http://preview.blog.domain.com/"
        rules.afterVerifyTimeout = aborts ? .abort : .promote
        var order = Telling.order
        order.verify = true
        order.rules = rules
        var telling = Telling()
        telling.tell(.requested(order))
        telling.tell(.discovered(Telling.survey))
        telling.tell(.candidateCreated, at: 1)
        telling.tell(.podsReady, at: 4)
        for node in Telling.survey.nodes { telling.tell(.nodeStaged(node: node), at: 5) }
        let terminal = Terminal(isInteractive: true, usesColor: false, width: 100)
        let paused = try lines(telling.release, terminal)
        #expect(telling.release?.state == .paused)
        let line = try #require(paused.first { $0.hasPrefix("‖ verifying") }, "\(paused)")
        #expect(
            line.contains("viridian promote blog") && line.hasSuffix(aborts ? "it aborts" : "it promotes"), "\(line)")
        #expect(paused.contains { $0.hasSuffix("try it at http://preview.blog.domain.com/") }, "\(paused)")
        telling.tell(.promoted(by: "ann"), at: 6)
        let after = try lines(telling.release, terminal)
        #expect(after.contains { $0.hasPrefix("✔ verifying") && $0.hasSuffix("promoted by ann") }, "\(after)")
    }
}

@Suite("Small words")
struct WordTests {
    @Test(
        "durations read as people say them",
        arguments: [(400, "0.4s"), (59_900, "59.9s"), (245_000, "4m 05s"), (3_720_000, "1h 02m")])
    func durations(_ milliseconds: Int, _ text: String) {
        #expect(Duration.milliseconds(milliseconds).short == text)
    }

    @Test("columns line up and end without blanks")
    func table() {
        #expect(Table(["A", "LONG"], [["first", ""], ["2", "x"]]).lines == ["A      LONG", "first", "2      x"])
    }

    @Test("a release is named app/number", arguments: ["blog/42"])
    func named(_ text: String) {
        let name = ReleaseName(argument: text)
        #expect(name?.app == "blog" && name?.number == 42)
        #expect(ReleaseName(argument: "blog")?.app == "blog" && ReleaseName(argument: "blog")?.number == nil)
    }

    @Test("anything else is no release", arguments: ["", "blog/", "/1", "blog/x", "blog/0", "blog/1/2", "blog/-1"])
    func unnamed(_ text: String) {
        #expect(ReleaseName(argument: text) == nil)
    }

    @Test("times are ISO 8601 with milliseconds")
    func time() {
        #expect(Timestamp(milliseconds: 1_445_783_643_007).iso8601 == "2015-10-25T14:34:03.007Z")
    }
}
