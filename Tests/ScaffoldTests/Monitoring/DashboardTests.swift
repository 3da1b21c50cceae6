import Foundation
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// The dashboard for Grafana.
@Suite("dashboard")
struct DashboardTests {
    private struct Dashboard: Decodable {
        struct Place: Decodable { var h, w, x, y: Int }
        struct Target: Decodable { var expr: String }
        struct Panel: Decodable {
            var id: Int
            var type: String
            var title: String
            var description: String?
            var gridPos: Place
            var targets: [Target]?
        }
        struct Annotations: Decodable {
            struct One: Decodable { var expr: String }
            var list: [One]
        }
        struct Link: Decodable { var url: String }
        var description: String
        var panels: [Panel]
        var annotations: Annotations
        var links: [Link]
    }

    private func text(server: String? = "https://deploy.domain.com/") throws -> String {
        let server = ServerConfiguration(url: server.flatMap { URL(string: $0) })
        return try rendered(.grafana, configuration([try blog()], server: server))
    }

    private func read(_ text: String) throws -> Dashboard {
        try JSONDecoder().decode(Dashboard.self, from: Data(text.utf8))
    }

    @Test("panels have numbers of their own, a description, and no place in common")
    func panels() throws {
        let dashboard = try read(try text())
        #expect(Set(dashboard.panels.map(\.id)).count == dashboard.panels.count)
        var taken: [[Int]: String] = [:]
        for panel in dashboard.panels {
            let place = panel.gridPos
            #expect(place.x >= 0 && place.w > 0 && place.x + place.w <= 24, "\(panel.title)")
            for x in place.x..<place.x + place.w {
                for y in place.y..<place.y + place.h {
                    #expect(taken.updateValue(panel.title, forKey: [x, y]) == nil, "\(panel.title) at \(x), \(y)")
                }
            }
            guard panel.type != "row" else { continue }
            #expect(panel.description?.hasSuffix(".") == true, "\(panel.title)")
            #expect(panel.targets?.isEmpty == false, "\(panel.title)")
        }
        #expect(dashboard.panels.filter { $0.type == "row" }.map(\.title).contains("Releases"))
    }

    @Test("Prometheus understands every query", .needs("promtool"))
    func queries() async throws {
        let dashboard = try read(try text())
        let queries = dashboard.panels.flatMap { $0.targets ?? [] }.map(\.expr) + dashboard.annotations.list.map(\.expr)
        #expect(queries.count > 30)
        let rules = queries.enumerated().map { index, query in
            let plain = query.replacing("$__rate_interval", with: "5m").replacing("$__interval", with: "5m")
                .replacing("$__range", with: "1d").replacing("$app", with: ".*")
            #expect(!plain.contains("$"), "\(plain)")
            return "      - {record: 'q\(index)', expr: '\(plain)'}\n"
        }
        try await withFolder { folder in
            try write("groups:\n  - name: dashboard\n    rules:\n" + rules.joined(), to: "\(folder)/rules.yaml")
            let checked = try await Command("promtool", ["check", "rules", "\(folder)/rules.yaml"])
                .run(deadline: .seconds(600))
            #expect(checked.succeeded, "\(checked.output)\(checked.error)")
        }
    }

    @Test("Grafana's own model knows every key of it", .needsPython("grafana_foundation_sdk"))
    func model() async throws {
        for server in ["https://deploy.domain.com", nil] {
            let python = try #require(await Python.find("grafana_foundation_sdk"))
            let read = try await Command(
                python, [Python.oracle("grafana-dashboard.py")], input: try text(server: server)
            ).run(deadline: .seconds(600))
            #expect(read.succeeded, "\(read.error)")
            #expect(read.output == "[]", "\(read.output)")
        }
    }

    @Test("it leads to the server where its address is configured")
    func link() throws {
        #expect(try read(try text()).links.map(\.url) == ["https://deploy.domain.com"])
        #expect(try read(try text(server: nil)).links.isEmpty)
        #expect(try read(try text()).description.contains("viridian render grafana"))
    }
}
