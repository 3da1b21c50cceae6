import Foundation
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration
import Yams

/// The rules for Prometheus.
@Suite("alerts")
struct AlertsTests {
    private struct Rules: Decodable {
        struct Group: Decodable { var rules: [Rule] }
        struct Rule: Decodable {
            var alert: String
            var expr: String
            var `for`: String?
            var labels: [String: String]
            var annotations: [String: String]
        }
        var groups: [Group]
    }

    private func text(server: String? = "https://deploy.domain.com/") throws -> String {
        let server = ServerConfiguration(url: server.flatMap { URL(string: $0) })
        return try rendered(.alerts, configuration([try blog()], server: server))
    }

    private func rules() throws -> [Rules.Rule] {
        try YAMLDecoder().decode(Rules.self, from: try text()).groups.flatMap(\.rules)
    }

    private var operations: String {
        get throws {
            let page = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../../../docs/operations.md").standardizedFileURL
            return try String(contentsOf: page, encoding: .utf8)
        }
    }

    @Test("Prometheus accepts them, and they fire when they should, and not when not", .needs("promtool"))
    func fired() async throws {
        try await withFolder { folder in
            try write(try text(), to: "\(folder)/alerts.yaml")
            let tests = try String(contentsOfFile: Python.oracle("alerts-test.yaml"), encoding: .utf8)
            try write(tests, to: "\(folder)/alerts-test.yaml")
            let checked = try await Command("promtool", ["check", "rules", "\(folder)/alerts.yaml"])
                .run(deadline: .seconds(600))
            #expect(checked.succeeded, "\(checked.output)\(checked.error)")
            let tested = try await Command("promtool", ["test", "rules", "\(folder)/alerts-test.yaml"])
                .run(deadline: .seconds(600))
            #expect(tested.succeeded, "\(tested.output)\(tested.error)")
            // Each of them is tried.
            for rule in try rules() { #expect(tests.contains(rule.alert), "\(rule.alert)") }
        }
    }

    @Test("each says what happened, what serves and what to type, how urgent it is, and where to read on")
    func complete() throws {
        let page = try operations
        let anchors = page.split(separator: "\n").filter { $0.hasPrefix("## ") }
            .map { $0.dropFirst(3).lowercased().replacing(" ", with: "-") }
        for rule in try rules() {
            #expect(["critical", "warning"].contains(rule.labels["severity"]), "\(rule.alert)")
            let description = try #require(rule.annotations["description"])
            #expect(
                description.contains("`") && description.contains(/[Vv]isitors|serve|Releases|live/), "\(rule.alert)")
            let runbook = try #require(rule.annotations["runbook_url"])
            let anchor = try #require(runbook.split(separator: "#").last)
            #expect(runbook.hasPrefix("docs/operations.md#"))
            #expect(anchors.contains(String(anchor)), "\(rule.alert): \(runbook)")
        }
    }

    @Test("the table of docs/operations.md is theirs")
    func table() throws {
        let rows = try operations.split(separator: "\n").filter { $0.hasPrefix("| `Viridian") }
            .map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
        let documented = rows.map { [$0[0], $0[1], $0[2]] }
        let rendered = try rules().map { ["`\($0.alert)`", $0.labels["severity"] ?? "", $0.for ?? "at once"] }
        #expect(documented == rendered)
    }

    @Test(
        "they lead to the server's pages where its address is configured, and to the operators' own copy of the manual")
    func links() throws {
        #expect(try text().contains("link: https://deploy.domain.com/apps/{{ $labels.app }}\n"))
        #expect(try text(server: nil).contains("link:") == false)
        var options = RenderingOptions()
        options.runbooks = "https://git.domain.com/operations.md"
        let own = try Rendering.alerts.files(configuration([]), apps: [], options: options)
        #expect(
            own.first?.text.contains("runbook_url: https://git.domain.com/operations.md#nodes-have-drifted\n") == true)
    }
}
