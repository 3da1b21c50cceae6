import Controller
import Foundation
import Journal
import ReleaseMachine
import Testing

@testable import Server

@Suite("Health and metrics")
struct MetricsTests {
    @Test("releases, phases, switches, pods and requests are counted")
    func counted() async throws {
        try await withServer { server in
            _ = try await server.deploy()
            _ = try await server.release(1, in: .live)
            await server.world.breakVersion("crash")
            _ = try await server.deploy("crash")
            _ = try await server.release(2, in: .failed)
            let text = try #require(
                try await eventually {
                    let text = try await server.get("/metrics").text
                    return text.contains("outcome=\"failed\"") ? text : nil
                }
            )
            for line in [
                "viridian_build_info{version=\"0.1.0\"} 1",
                "viridian_releases_total{app=\"blog\",outcome=\"live\"} 1",
                "viridian_releases_total{app=\"blog\",outcome=\"failed\"} 1",
                "viridian_phase_seconds_count{app=\"blog\",phase=\"switching\"} 1",
                "viridian_node_switch_seconds_count{app=\"blog\"} 2",
                "viridian_live_info{app=\"blog\",color=\"green\",version=\"\(TestServer.version)\"} 1",
                "viridian_nodes{app=\"blog\",color=\"green\"} 2",
                "viridian_release_running{app=\"blog\"} 0",
                "# TYPE viridian_phase_seconds histogram",
            ] {
                #expect(text.contains(line + "\n"), "\(line)\n\(text)")
            }
            #expect(text.contains(#"route="/api/v1/apps/{app}/releases",status="201"} 2"#), "\(text)")
            // Unknown paths and refused requests have no route, so that nobody can add labels.
            for number in 1...3 { _ = try await server.get("/api/nowhere-\(number)") }
            #expect(try await server.get("/api/v1/apps/blog", token: "vir_wrong").status == 401)
            let later = try await server.get("/metrics").text
            #expect(later.contains(#"method="GET",route="none",status="401"} 1"#), "\(later)")
            #expect(
                !later.contains("nowhere") && later.contains(#"method="GET",route="none",status="404"} 3"#), "\(later)")
        }
    }

    @Test("samples of an app have the label cluster where its cluster has a name, and no others have it")
    func clusters() {
        let metrics = Metrics(version: "1", clusters: ["shop": "west"])
        for app in ["blog", "shop"] { metrics.set("viridian_nodes_drifted", 1, ["app": app]) }
        metrics.set("viridian_event_streams", 2)
        let lines = metrics.text.split(separator: "\n")
        #expect(lines.contains(#"viridian_nodes_drifted{app="blog"} 1"#))
        #expect(lines.contains(#"viridian_nodes_drifted{app="shop",cluster="west"} 1"#))
        #expect(lines.contains("viridian_event_streams 2"))
    }

    @Test("histograms add up, and labels are escaped")
    func format() {
        var family = MetricFamily("x_seconds", .histogram([0.1, 1]), ["v"], "Help.")
        for value in [0.05, 0.5, 0.5, 7] { family.observe(value, ["v": "a\"b\\c\nd"]) }
        let label = #"v="a\"b\\c\\u{a}d""#
        var text = ""
        family.write(to: &text, clusters: [:])
        #expect(
            text == """
                # HELP x_seconds Help.
                # TYPE x_seconds histogram
                x_seconds_bucket{\(label),le="0.1"} 1
                x_seconds_bucket{\(label),le="1"} 3
                x_seconds_bucket{\(label),le="+Inf"} 4
                x_seconds_sum{\(label)} 8.05
                x_seconds_count{\(label)} 4

                """)
    }

    @Test("each of very many apps has its samples, whose number is bounded, and they are replaced by themselves")
    func manyApps() {
        var family = MetricFamily("x", .gauge, ["app", "version"], "Help.")
        for number in 0..<12_000 { family.set(1, ["app": "app-\(number)", "version": "v1"]) }
        family.remove(app: "app-11999")
        for number in 0..<2000 { family.set(2, ["app": "app-11999", "version": "v\(number)"]) }
        var text = ""
        family.write(to: &text, clusters: ["app-7": "west"])
        #expect(text.contains("\nx{app=\"app-0\",version=\"v1\"} 1\n"))
        #expect(text.contains("\nx{app=\"app-11998\",version=\"v1\"} 1\n"))
        #expect(text.contains("\nx{app=\"app-7\",cluster=\"west\",version=\"v1\"} 1\n"))
        #expect(text.split(separator: "\n").count { $0.contains("app=\"app-11999\"") } == 1000)
        var routes = MetricFamily("y", .counter, ["route"], "Help.")
        for number in 0..<20_000 { routes.add(1, ["route": "\(number)"]) }
        routes.add(1, ["route": "7"])
        text = ""
        routes.write(to: &text, clusters: [:])
        #expect(text.contains("\ny{route=\"7\"} 2\n") && text.split(separator: "\n").count == 10_002)
    }

    @Test("ready means that the journal and the cluster answer")
    func ready() async throws {
        try await withServer(settings: { $0.checkInterval = .milliseconds(50) }) { server in
            #expect(try await server.get("/readyz", token: "").status == 200)
            await server.world.goDown()
            let answer = try await eventually { () -> TestServer.Answer? in
                let answer = try await server.get("/readyz", token: "")
                return answer.status == 503 ? answer : nil
            }
            #expect(answer?.json["cluster"].string == "does not answer" && answer?.json["journal"].string == "ok")
            #expect(try await server.get("/healthz", token: "").status == 200)
            await server.world.comeBack()
            let isBack = try await eventually { try await server.get("/readyz", token: "").status == 200 ? true : nil }
            #expect(isBack == true)
        }
    }

    @Test("a log line of an event")
    func log() {
        let event = Event.nodeFailed(.change, NodeProblem(node: "n1", isUnreachable: true, message: "gone\u{1b}[2J"))
        #expect(event.name == "nodeFailed change n1: gone\\u{1b}[2J")
        #expect(Event.podsReady.name == "podsReady")
    }
}
