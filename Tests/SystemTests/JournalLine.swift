import Foundation
import Kubernetes
import TestSupport
import Testing

/// An event as a journal in PostgreSQL has it.
struct JournalLine: Sendable, CustomStringConvertible {
    var sequence: Int
    var at: Date
    /// `nodeSwitched`
    var name: String
    /// Its fields.
    var fields: JSON

    /// The name, and the node, if it is about one.
    var description: String { [name, fields["node"]?.string].compactMap { $0 }.joined(separator: " ") }

    /// All of a release of `blog`, in order.
    static func all(of number: Int, in uri: String) async throws -> [JournalLine] {
        let sql = "SELECT sequence, at, event FROM events WHERE app = 'blog' AND number = \(number) ORDER BY sequence"
        return try await PostgreSQLServer.psql(uri, sql).split(separator: "\n").map { row in
            let columns = row.split(separator: "|", maxSplits: 2).map(String.init)
            let event = try #require(try JSON(parsing: Data(columns[2].utf8)).object?.first)
            return JournalLine(
                sequence: try #require(Int(columns[0])),
                at: Date(timeIntervalSince1970: try #require(Double(columns[1])) / 1000),
                name: event.key, fields: event.value)
        }
    }

    /// Expects the events of a release of two nodes that went live, each once, and none that is not wanted.
    static func expectOnce(
        _ lines: [JournalLine], takenUp: Int, promoted: Int = 0, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var counts = Dictionary(lines.map { ($0.description, 1) }, uniquingKeysWith: +)
        // Reports of pods, lines for people, and how long the journal did not answer.
        for name in ["podsObserved", "podsChanged", "said", "resumed"] { counts[name] = nil }
        // Preparing only saves time: it may not be over when the pods are ready.
        for node in 1...2 {
            let prepared = counts.removeValue(forKey: "nodePrepared node-\(node)") ?? 1
            #expect(prepared == 1, "\(lines)", sourceLocation: sourceLocation)
        }
        var wanted = [
            "requested", "discovered", "candidateCreated", "podsReady", "nodeStaged node-1", "nodeStaged node-2",
            "candidateConfirmed", "nodeSwitched node-1", "nodeSwitched node-2", "liveRecorded", "drained", "readBack",
            "oldRemoved",
        ].reduce(into: [:]) { $0[$1] = 1 }
        if takenUp > 0 { wanted["takenUp"] = takenUp }
        if promoted > 0 { wanted["promoted"] = promoted }
        #expect(counts == wanted, "\(lines)", sourceLocation: sourceLocation)
        #expect(lines.map(\.sequence) == Array(1...max(1, lines.count)), sourceLocation: sourceLocation)
    }
}
