import Controller
import ReleaseMachine
import Testing

@testable import Commands

/// A release of the article's blog, with the formatted lines of its events.
struct FormattedRelease {
    private(set) var release: Release?
    private(set) var lines: [String] = []
    private var formatter = EventFormatter()
    private var sequence = 0

    mutating func apply(_ event: Event, at seconds: Int64 = 0) {
        sequence += 1
        let recorded = RecordedEvent(
            sequence: sequence,
            at: Timestamp(milliseconds: 1_445_783_643_000 + seconds * 1000),
            event: event
        )
        if release == nil { release = Release(recorded) } else { release?.apply(recorded) }
        guard let release else { return }
        lines += formatter.lines(recorded, release)
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

    static func untilSwitched() -> FormattedRelease {
        var formatted = FormattedRelease()
        formatted.apply(.requested(order))
        formatted.apply(.discovered(survey))
        formatted.apply(.candidateCreated, at: 1)
        formatted.apply(
            .podsObserved(PodsReport(ready: 1, desired: 1, pods: [PodSummary(name: "blog-green-x", isReady: true)])),
            at: 4)
        formatted.apply(.podsReady, at: 4)
        for node in survey.nodes { formatted.apply(.nodeStaged(node: node), at: 5) }
        formatted.apply(.candidateConfirmed, at: 5)
        for node in survey.nodes { formatted.apply(.nodeSwitched(node: node), at: 6) }
        return formatted
    }
}

@Suite("The lines of a release")
struct EventFormatterTests {
    @Test("the article's release reads like its sample output, one line for each event")
    func article() {
        var formatted = FormattedRelease.untilSwitched()
        formatted.apply(.liveRecorded(.green), at: 6)
        formatted.apply(.drained(DrainEvidence()), at: 36)
        formatted.apply(
            .readBack(FormattedRelease.survey.nodes.map { NodeReading(node: $0, color: .green) }),
            at: 36
        )
        formatted.apply(.oldRemoved, at: 37)
        #expect(
            formatted.lines == [
                "blog/42 +0.0s --- Starting deploy of 20151025.143403 for blog, requested by jenkins ---",
                "blog/42 +0.0s Collecting nodes and the live colour",
                "blog/42 +0.0s Found 2 nodes; blue is live with 20151024.090000",
                "blog/42 +0.0s Deploying to colour green with 1 replica",
                "blog/42 +1.0s Created blog-green at version 20151025.143403 (registry.local:5000/blog:20151025.143403)",
                "blog/42 +1.0s Waiting for the pods to come online fully before moving on",
                "blog/42 +4.0s Waiting for all pods to come online. 1/1 are now online",
                "blog/42 +4.0s All pods are online!",
                "blog/42 +4.0s --- Staging 2 nodes ---",
                "blog/42 +5.0s [10.122.43.70] staged: green answers on this node (1/2)",
                "blog/42 +5.0s [10.122.41.136] staged: green answers on this node (2/2)",
                "blog/42 +5.0s --- Switching 2 nodes to green ---",
                "blog/42 +6.0s [10.122.43.70] routes to green, verified (1/2)",
                "blog/42 +6.0s [10.122.41.136] routes to green, verified (2/2)",
                "blog/42 +6.0s All nodes route to green; draining connections to blue for at least 30.0s",
                "blog/42 +6.0s Set the live colour of blog to green",
                "blog/42 +36.0s Drained: no connection to blue is left",
                "blog/42 +36.0s --- Running the cleanup ---",
                "blog/42 +36.0s Read back from every node: green",
                "blog/42 +37.0s Deleted blog-blue (20151024.090000) and its pods",
                "blog/42 +37.0s -- DEPLOY DONE -- blog/42 is live: 20151025.143403 serves on green (37.0s)",
            ]
        )
    }

    @Test("a failure names the phase, the cause, the evidence, and what serves now")
    func failure() {
        var formatted = FormattedRelease()
        formatted.apply(.requested(FormattedRelease.order))
        formatted.apply(.discovered(FormattedRelease.survey))
        formatted.apply(.candidateCreated)
        formatted.apply(
            .refused(.awaitPods, message: "pod blog-green-x: blog exited with code 3", details: ["fatal: no database"]))
        formatted.apply(.readBack(FormattedRelease.survey.nodes.map { NodeReading(node: $0, color: .blue) }))
        formatted.apply(.candidateRemoved)
        #expect(
            formatted.lines.suffix(5) == [
                "blog/42 +0.0s FAILED in phase starting: pod blog-green-x: blog exited with code 3",
                "blog/42 +0.0s   fatal: no database",
                "blog/42 +0.0s Read back from every node: blue",
                "blog/42 +0.0s Deleted blog-green (20151025.143403) and its pods",
                "blog/42 +0.0s -- DEPLOY FAILED -- blog/42 (20151025.143403): 20151024.090000 on blue serves, as before (0.0s)",
            ]
        )
    }

    @Test("what a node or a pod prints cannot control the terminal")
    func escapes() {
        var formatted = FormattedRelease.untilSwitched()
        formatted.apply(.said(LogMessage(source: "10.122.43.70", "\u{1b}[2Jgone\u{7}\u{202e}")))
        #expect(formatted.lines.last == #"blog/42 +0.0s [10.122.43.70] out: \u{1b}[2Jgone\u{7}\u{202e}"#)
    }

    @Test("a count of pods is printed when it changes, and a reason once")
    func pods() {
        var formatted = FormattedRelease()
        formatted.apply(.requested(FormattedRelease.order))
        formatted.apply(.discovered(FormattedRelease.survey))
        formatted.apply(.candidateCreated)
        let waiting = PodSummary(
            name: "blog-green-x", isReady: false, reason: "no node has room: 0/1 nodes are available")
        for restarts in 0..<3 {
            var pod = waiting
            pod.restarts = restarts
            formatted.apply(.podsObserved(PodsReport(ready: 0, desired: 1, pods: [pod])))
        }
        #expect(formatted.lines.filter { $0.contains("0/1 are now online") }.count == 1)
        #expect(formatted.lines.filter { $0.contains("no node has room") }.count == 1)
    }
}

@Suite("How a verb ends")
struct OutcomeTests {
    @Test("the exit status follows the outcome of the release")
    func statuses() throws {
        var formatted = FormattedRelease.untilSwitched()
        #expect(Outcome(try #require(formatted.release)).exitStatus == .couldNot)
        formatted.apply(.abortRequested(by: "somebody", reason: nil))
        for node in FormattedRelease.survey.nodes { formatted.apply(.nodeReverted(node: node)) }
        formatted.apply(.liveRecorded(.blue))
        formatted.apply(.readBack(FormattedRelease.survey.nodes.map { NodeReading(node: $0, color: .blue) }))
        formatted.apply(.candidateRemoved)
        #expect(formatted.release?.state == .rolledBack)
        #expect(Outcome(try #require(formatted.release)).exitStatus == .aborted)
    }

    @Test("a node that needs repair at the end gives status 5, and is named with the fix")
    func needsRepair() throws {
        var formatted = FormattedRelease.untilSwitched()
        formatted.apply(.liveRecorded(.green))
        formatted.apply(.drained(DrainEvidence()))
        formatted.apply(
            .readBack([
                NodeReading(node: "10.122.43.70", color: .green),
                NodeReading(node: "10.122.41.136", color: nil, isUnreachable: true, message: "timed out"),
            ]))
        let outcome = Outcome(try #require(formatted.release))
        #expect(outcome.exitStatus == .needsRepair)
        #expect(outcome.sentence.contains("1 node needs repair"))
        #expect(
            outcome.fix == [
                "10.122.41.136: timed out",
                "blog-blue (20151024.090000) and its pods were not deleted",
                "nothing that these nodes may route to was deleted; to fix: viridian repair blog",
            ])
    }
}

@Suite("Interruptions in the lines of a release")
struct InterruptionLineTests {
    @Test("a machine that was removed, and one that slept")
    func departures() {
        var formatted = FormattedRelease()
        formatted.apply(.requested(FormattedRelease.order))
        formatted.apply(.discovered(FormattedRelease.survey))
        formatted.apply(.nodesLeft(["10.122.41.136"]), at: 2)
        formatted.apply(.resumed(milliseconds: 7_200_000), at: 3)
        #expect(
            formatted.lines.suffix(2) == [
                "blog/42 +2.0s [10.122.41.136] is no longer in the inventory: the release goes on without it",
                "blog/42 +3.0s No process ran this release for 2h 00m; it continues, and its deadlines count from now",
            ])
    }

    @Test("a pause shows its deadline, what happens then, and that a process has to run it")
    func pause() throws {
        var order = FormattedRelease.order
        order.verify = true
        var formatted = FormattedRelease()
        formatted.apply(.requested(order))
        formatted.apply(.discovered(FormattedRelease.survey))
        formatted.apply(.candidateCreated)
        formatted.apply(.podsReady)
        for node in FormattedRelease.survey.nodes { formatted.apply(.nodeStaged(node: node)) }
        let then = "; then it aborts if viridian serve or the same deploy command is running"
        #expect(formatted.lines.contains { $0.contains("--- Paused for verification until") && $0.contains(then) })
        let sentence = Outcome(try #require(formatted.release)).sentence
        #expect(sentence.hasPrefix("blog/42 is paused for verification until") && sentence.hasSuffix(then))
    }
}

@Suite("A release on a terminal")
struct LiveBlockTests {
    @Test("no line is wider than the terminal, and the cause is on top", arguments: [40, 80, 200])
    func width(_ width: Int) throws {
        var formatted = FormattedRelease()
        formatted.apply(.requested(FormattedRelease.order))
        formatted.apply(.discovered(FormattedRelease.survey))
        formatted.apply(.candidateCreated)
        formatted.apply(
            .refused(.awaitPods, message: String(repeating: "long ", count: 60), details: ["\u{1b}[31mred"]))
        let terminal = Terminal(isInteractive: true, usesColor: false, width: width)
        let lines = ProgressBlock(
            release: try #require(formatted.release), now: Timestamp(milliseconds: 1_445_783_650_000),
            terminal: terminal
        ).lines
        let written = lines.map(\.written)
        #expect(written.allSatisfy { $0.count <= width })
        #expect(written[1].hasPrefix("✖ long"))
        #expect(!written.joined().contains("\u{1b}"))
    }
}

@Suite("A release on a terminal, in detail")
struct LiveBlockDetailTests {
    private let now = Timestamp(milliseconds: 1_445_783_650_000)

    private func lines(_ release: Release?, _ terminal: Terminal) throws -> [String] {
        ProgressBlock(release: try #require(release), now: now, terminal: terminal).lines.map(\.written)
    }

    @Test("in a pipe the first line is as long as its text")
    func piped() throws {
        let terminal = Terminal(isInteractive: false, usesColor: false, width: 200)
        let first = try #require(try lines(FormattedRelease.untilSwitched().release, terminal).first)
        #expect(
            first.count < 80 && first.hasPrefix("blog/42  20151024.090000 → 20151025.143403 on green  "), "\(first)")
    }

    @Test("a block is never higher than the window, and keeps the current phase", arguments: 2...10)
    func small(_ height: Int) throws {
        let terminal = Terminal(isInteractive: true, usesColor: false, width: 80, height: height)
        let lines = try lines(FormattedRelease.untilSwitched().release, terminal)
        #expect(lines.count <= height - 1, "\(lines)")
        #expect(lines[0].hasPrefix("blog/42"))
        if height > 2 { #expect(lines.contains { $0.hasPrefix("▸ draining") }, "\(lines)") }
    }

    @Test(
        "a pause shows what happens at its deadline and where to try the version; afterwards, who promoted",
        arguments: [true, false])
    func paused(aborts: Bool) throws {
        var rules = Rules()
        rules.previewURL = "http://preview.blog.domain.com/"
        rules.afterVerifyTimeout = aborts ? .abort : .promote
        var order = FormattedRelease.order
        order.verify = true
        order.rules = rules
        var formatted = FormattedRelease()
        formatted.apply(.requested(order))
        formatted.apply(.discovered(FormattedRelease.survey))
        formatted.apply(.candidateCreated, at: 1)
        formatted.apply(.podsReady, at: 4)
        for node in FormattedRelease.survey.nodes { formatted.apply(.nodeStaged(node: node), at: 5) }
        let terminal = Terminal(isInteractive: true, usesColor: false, width: 100)
        let paused = try lines(formatted.release, terminal)
        #expect(formatted.release?.state == .paused)
        let line = try #require(paused.first { $0.hasPrefix("‖ verifying") }, "\(paused)")
        #expect(
            line.contains("viridian promote blog") && line.hasSuffix(aborts ? "it aborts" : "it promotes"), "\(line)")
        #expect(paused.contains { $0.hasSuffix("try it at http://preview.blog.domain.com/") }, "\(paused)")
        formatted.apply(.promoted(by: "ann"), at: 6)
        let after = try lines(formatted.release, terminal)
        #expect(after.contains { $0.hasPrefix("✔ verifying") && $0.hasSuffix("promoted by ann") }, "\(after)")
    }
}

@Suite("Text formats")
struct TextFormatTests {
    @Test(
        "durations are short",
        arguments: [(400, "0.4s"), (59_900, "59.9s"), (245_000, "4m 05s"), (3_720_000, "1h 02m")])
    func durations(_ milliseconds: Int, _ text: String) {
        #expect(Duration.milliseconds(milliseconds).short == text)
    }

    @Test("columns are aligned, without trailing blanks")
    func table() {
        #expect(Table(["A", "LONG"], [["first", ""], ["2", "x"]]).lines == ["A      LONG", "first", "2      x"])
    }

    @Test("a release is named app/number", arguments: ["blog/42"])
    func named(_ text: String) {
        let name = ReleaseName(argument: text)
        #expect(name?.app == "blog" && name?.number == 42)
        #expect(ReleaseName(argument: "blog")?.app == "blog" && ReleaseName(argument: "blog")?.number == nil)
    }

    @Test(
        "anything else is not a release name",
        arguments: ["", "blog/", "/1", "blog/x", "blog/0", "blog/1/2", "blog/-1"])
    func unnamed(_ text: String) {
        #expect(ReleaseName(argument: text) == nil)
    }

    @Test("times are ISO 8601 with milliseconds")
    func time() {
        #expect(Timestamp(milliseconds: 1_445_783_643_007).iso8601 == "2015-10-25T14:34:03.007Z")
    }
}
