import ArgumentParser
import Controller
import Fleet
import Foundation
import ReleaseMachine
import ViridianConfiguration
import Workloads

struct StatusCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "What serves now: colours, versions, pods, nodes, and what awaits a person."
    )

    @Argument(help: "The app; all of them when it is left out.") var app: String?
    @Flag(help: "Look again every two seconds, until Ctrl-C.") var watch = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await Installation.open(global, reachingOut: true) { installation in
            let names =
                try app.map { [try installation.configuration.app($0).name.text] }
                ?? installation.configuration.apps.map(\.name.text)
            let terminal = Terminal.current()
            while true {
                var lines: [String] = []
                for name in names {
                    let status = try await AppStatus(of: name, installation)
                    lines += output.output == .json ? [try status.jsonLine()] : status.lines(terminal)
                }
                if names.isEmpty { lines.append("no app is configured yet") }
                if watch, terminal.isInteractive { put("\u{1b}[H\u{1b}[J") }
                for line in lines where !say(line) { return .done }
                guard watch else { return .done }
                try await Task.sleep(for: .seconds(2))
            }
        }
    }
}

/// One app at this moment, from the cluster, the nodes and the journal.
struct AppStatus: Encodable {
    struct ColorStatus: Encodable {
        var version: String
        var image: String
        var replicas: Int
        var ready: Int
        var release: Int?
    }

    struct NodeStatus: Encodable {
        var address: String
        var color: Color?
        var message: String?
    }

    struct Live: Encodable {
        var color: Color
        var version: String
        var release: Int?
    }

    var app: String
    var namespace: String
    var live: Live?
    var colors: [String: ColorStatus]
    var nodes: [NodeStatus]
    /// The newest release.
    var release: ReleaseView?
    var awaiting: String?
    /// What a person should do, each in one sentence.
    var advice: [String]

    init(of name: String, _ installation: Installation) async throws {
        let releases = try installation.releases(name)
        guard let cluster = installation.cluster, let fleet = installation.fleet else {
            throw Refusal("status looks at the cluster and the nodes")
        }
        let engine = AppLook(app: releases.app, client: cluster, fleet: fleet)
        async let seen = engine.cluster.survey()
        let readings = await engine.nodes.read(try await engine.nodes.list(), claiming: nil)
        let survey = try await seen
        let latest = try releases.latest()

        app = name
        namespace = releases.app.namespace
        colors = [:]
        for (color, workload) in survey.workloads {
            colors[color.rawValue] = ColorStatus(
                version: workload.version,
                image: workload.image,
                replicas: workload.replicas,
                ready: workload.ready,
                release: workload.release
            )
        }
        nodes = readings.map { NodeStatus(address: $0.node, color: $0.color, message: $0.message) }
        live = survey.recorded.map { live in
            // A release that went back has recorded the colour, and is not the one that made it.
            let made = survey.workloads[live.color]?.release
            return Live(color: live.color, version: live.version, release: made ?? survey.recordedBy)
        }
        release = latest.map { ReleaseView($0) }
        awaiting = release?.awaiting
        advice = AppStatus.advice(name, survey, readings, latest)
    }

    private static func advice(
        _ name: String,
        _ survey: ClusterSurvey,
        _ readings: [ReleaseMachine.NodeReading],
        _ latest: Release?
    ) -> [String] {
        var advice: [String] = []
        if let latest, latest.state == .paused {
            let until = latest.verifyDeadline.map { " until \($0.clockTime)" } ?? ""
            advice.append("\(latest.order.name) waits\(until): viridian promote \(name), or viridian abort \(name)")
        } else if let latest, latest.state == .running {
            let order = latest.order
            advice.append(
                "\(order.name) has not ended (\(latest.phase)): if nothing runs it, "
                    + "viridian deploy \(name) --version \(order.version) finishes it"
            )
        }
        guard latest?.state.hasEnded != false, let live = survey.recorded?.color else { return advice }
        let astray = readings.filter { $0.color != live || $0.message != nil }
        if !astray.isEmpty {
            let names = astray.prefix(5).map(\.node).joined(separator: ", ")
            advice.append("not as they should be: \(names): viridian repair \(name)")
        }
        if let workload = survey.workloads[live], workload.ready < workload.replicas {
            advice.append("only \(workload.ready) of \(workload.replicas) pods of the live colour are ready")
        }
        return advice
    }

    func lines(_ terminal: Terminal) -> [String] {
        let serving = live.map { live in
            "\(live.version) on \(live.color)" + (live.release.map { " (\(app)/\($0))" } ?? "")
        }
        var lines = [terminal.styled("\(app)  \(serving.map { "live: \($0)" } ?? "nothing is live yet")", .bold)]
        for color in Color.allCases {
            guard let status = colors[color.rawValue] else { continue }
            let mark = live?.color == color ? "● live" : ""
            lines.append(
                "  \(color.rawValue.padded(6)) \(status.version.padded(20)) pods \(status.ready)/\(status.replicas)  \(mark)"
            )
        }
        let groups = Dictionary(grouping: nodes) { $0.color?.rawValue ?? "?" }
        let counts = groups.sorted { $0.key < $1.key }.map { "\($0.value.count) to \($0.key)" }
        lines.append("  nodes  \(nodes.count): \(counts.joined(separator: ", "))")
        for node in nodes where node.message != nil {
            lines.append(terminal.styled("    \(node.address): \(node.message ?? "unknown")", .red))
        }
        if let release {
            lines.append(
                "  latest \(app)/\(release.number) \(release.version) \(release.state.rawValue) (\(release.phase))")
        }
        return lines.map(\.self) + advice.map { terminal.styled("  → \($0)", .yellow) }
    }
}
