import ArgumentParser
import Foundation
import Journal
import ReleaseMachine

/// What `script/bench journal` measures: appends to a journal by several programs at the same time, each of which waits for its answer, as a
/// release does.
struct BenchJournalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-journal",
        abstract: "Measure the time of appends to a journal.",
        shouldDisplay: false
    )

    @Option(help: "Number of programs that append at the same time.")
    var writers = 1

    @Option(help: "Number of appends of all of them.")
    var appends = 2000

    @Argument(help: "A file that is not there yet, or the URI of an empty database.")
    var journal: String

    func run() async throws {
        // A connection each, as programs of their own have.
        let journals = try (0..<writers).map { _ in try Journal(opening: journal) }
        let start = ContinuousClock.now
        let times = try await withThrowingTaskGroup(of: [Duration].self) { group in
            for (number, journal) in journals.enumerated() {
                group.addTask { try await append(to: journal, app: "app\(number)", count: appends / writers) }
            }
            var times: [Duration] = []
            for try await more in group { times += more }
            return times.sorted()
        }
        let whole = start.duration(to: .now)
        printLine("appends-per-second \(Int(Double(times.count) / whole.milliseconds * 1000))")
        printLine("median-milliseconds \(String(format: "%.2f", times[times.count / 2].milliseconds))")
        printLine("p99-milliseconds \(String(format: "%.2f", times[times.count * 99 / 100].milliseconds))")
    }

    /// Times of appends to one release, each of one event with the text of a node's line.
    private func append(to journal: Journal, app: String, count: Int) async throws -> [Duration] {
        let order = Order(app: app, number: 1, version: "v1", image: "registry.local/\(app):v1", requestedBy: "bench")
        var times: [Duration] = []
        for sequence in 1...max(count, 1) {
            let event: Event =
                sequence == 1
                ? .requested(order)
                : .said(LogMessage(source: "10.122.43.70", "a line of a node's output, \(sequence)"))
            let recorded = RecordedEvent(
                sequence: sequence, at: Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)),
                event: event)
            times.append(
                try await ContinuousClock().measure { try await journal.append([recorded], app: app, number: 1) })
        }
        return times
    }
}

extension Duration {
    fileprivate var milliseconds: Double {
        Double(components.seconds) * 1000 + Double(components.attoseconds) / 1e15
    }
}
