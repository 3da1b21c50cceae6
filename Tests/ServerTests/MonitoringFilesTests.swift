import Foundation
import ReleaseMachine
import Testing

@testable import Server

/// `render grafana` and `render alerts` ask for metrics that the server has. The files are those of `Tests/Rendered`.
@Suite("dashboard and alerts")
struct MonitoringFilesTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Rendered").standardizedFileURL

    /// Every expression, with what is labelled with its results.
    private func expressions(_ path: String) throws -> [(query: String, legend: String)] {
        let text = try String(contentsOf: Self.folder.appending(path: path), encoding: .utf8)
        if path.hasSuffix(".json") {
            return text.matches(of: /"expr": "((?:[^"\\]|\\.)*)"(?:, "legendFormat": "([^"]*)")?/).map {
                (query: String($0.output.1).replacing("\\\"", with: "\""), legend: String($0.output.2 ?? ""))
            }
        }
        return text.components(separatedBy: "- alert: ").dropFirst().map { rule in
            let parts = rule.components(separatedBy: "annotations:")
            return (parts[0].components(separatedBy: "expr:")[1].components(separatedBy: "labels:")[0], parts[1])
        }
    }

    @Test(
        "every metric and every label that they name is one of the server's",
        arguments: ["grafana/grafana/viridian.json", "alerts/prometheus/viridian-alerts.yaml"])
    func names(path: String) throws {
        let known = Dictionary(uniqueKeysWithValues: Metrics.known.map { ($0.name, $0.labels) })
        let all = try expressions(path)
        #expect(all.count > 10)
        for (query, legend) in all {
            var usable: Set<String> = []
            for match in query.matches(of: /\b(viridian_\w+)(?:\{([^}]*)\})?/) {
                let suffix = ["_bucket", "_sum", "_count"].first {
                    match.output.1.hasSuffix($0) && known[String(match.output.1)] == nil
                }
                let name = String(match.output.1.dropLast(suffix?.count ?? 0))
                let labels = try #require(known[name], "\(name) in \(query)")
                usable.formUnion(labels.union(suffix == "_bucket" ? ["le"] : []))
                let matchers = (match.output.2 ?? "").split(separator: ",").compactMap {
                    $0.split(separator: "=").first
                }
                for matcher in matchers {
                    #expect(labels.contains(String(matcher).replacing("!", with: "")), "\(matcher) in \(query)")
                }
            }
            // `job` is Prometheus' own.
            usable.insert("job")
            for match in query.matches(of: /\b(?:by|on) \(([^)]*)\)/) {
                let named = Set(match.output.1.split { $0 == "," || $0 == " " }.map(String.init))
                #expect(named.isSubset(of: usable), "\(named) in \(query)")
            }
            for match in legend.matches(of: /\{\{ ?(?:if eq )?\$?(?:labels\.)?([a-z]+)\b/)
            where !["else", "end", "value", "if"].contains(match.output.1) {
                #expect(usable.contains(String(match.output.1)), "\(match.output.0) of \(query)")
            }
        }
    }

    @Test("every metric of the server has its place on the dashboard")
    func complete() throws {
        let text = try String(contentsOf: Self.folder.appending(path: "grafana/grafana/viridian.json"), encoding: .utf8)
        for family in Metrics.known { #expect(text.contains(family.name), "\(family.name)") }
    }

    @Test("a server prints them all, with these labels")
    func printed() async throws {
        try await withServer { server in
            _ = try await server.deploy()
            _ = try await server.release(1, in: .live)
            let text = try await server.get("/metrics").text
            for family in Metrics.known { #expect(text.contains("# TYPE \(family.name) "), "\(family.name)") }
            // Counters that alerts watch can be seen at zero.
            #expect(text.contains("viridian_releases_total{app=\"blog\",outcome=\"failed\"} 0\n"), "\(text)")
            #expect(text.contains("viridian_journal_writable 1\n"), "\(text)")
        }
    }
}
