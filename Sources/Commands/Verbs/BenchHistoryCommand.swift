import ArgumentParser
import Foundation
import Journal
import ReleaseMachine

/// Fills the journal of which `script/bench history` measures how a server reads it: years of releases, with the events of real ones.
struct BenchHistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-history",
        abstract: "Fill a journal with releases that have ended.",
        shouldDisplay: false
    )

    @Option(help: "Number of apps.")
    var apps = 20

    @Option(help: "Number of releases of each, with 50 events each.")
    var releases = 1000

    @Option(help: "In how many days up to now they happened.")
    var days = 400

    @Argument(help: "A file that is not there yet, or the URI of an empty database.")
    var journal: String

    func run() async throws {
        let opened = try Journal(opening: journal)
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        let interval = Int64(days) * 86_400_000 / Int64(releases)
        for number in 1...releases {
            for app in 0..<apps {
                let name = "app-\(app)"
                let start = Timestamp(milliseconds: now - interval * Int64(releases - number + 1))
                let isLast = number == releases
                // Each goes live and is replaced by the next one.
                let events = Story(app: name, number: number, start: start).events.dropLast(isLast ? 1 : 0)
                try await opened.append(Array(events), app: name, number: number)
            }
        }
        printLine("releases \(apps * releases)")
        printLine("events \(apps * (releases * 50 - 1))")
    }
}

/// A release on eight nodes, with three pods.
private struct Story {
    var app: String
    var number: Int
    var start: Timestamp

    private static let nodes = (1...8).map { "10.122.43.\($0)" }

    var events: [RecordedEvent] {
        let image = "registry.local:5000/\(app):v\(number)"
        let order = Order(app: app, number: number, version: "v\(number)", image: image, requestedBy: "bench")
        let color: Color = number % 2 == 0 ? .green : .blue
        let live = LiveVersion(color: color.other, version: "v\(number - 1)")
        var events: [Event] = [
            .requested(order),
            .discovered(Survey(live: live, candidate: color, replicas: 3, nodes: Self.nodes)), .candidateCreated,
        ]
        events.append(.podsObserved(PodsReport(ready: 0, desired: 3, pods: (1...3).map { pod($0, isReady: false) })))
        events += (1...3).map { .podsChanged(PodsChange(ready: $0, desired: 3, pods: [pod($0, isReady: true)])) }
        events += Self.nodes.map { .nodePrepared(node: $0) }
        events.append(.podsReady)
        events += Self.nodes.map { .nodeStaged(node: $0) }
        events.append(.candidateConfirmed)
        events += Self.nodes.map { .nodeSwitched(node: $0) }
        events += (0..<12).map {
            .said(
                LogMessage(
                    source: Self.nodes[$0 % 8], "nginx was reloaded; new workers answer through \(color) after 0.8 s"))
        }
        events += [
            .liveRecorded(color), .drained(DrainEvidence(open: [])),
            .readBack(Self.nodes.map { NodeReading(node: $0, color: color) }), .oldRemoved,
            .replaced(by: number + 1, rolledBack: false),
        ]
        return events.enumerated().map { index, event in
            RecordedEvent(sequence: index + 1, at: start + .seconds(2 * index), event: event)
        }
    }

    private func pod(_ index: Int, isReady: Bool) -> PodSummary {
        PodSummary(
            name: "\(app)-v\(number)-x7k2\(index)", isReady: isReady, reason: isReady ? nil : "its container starts")
    }
}
