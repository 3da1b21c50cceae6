import ArgumentParser
import Controller
import Foundation
import Testing
import ViridianConfiguration

@testable import Commands

@Suite("--cluster")
struct ClusterOptionTests {
    private static func cluster(_ name: String?) -> ClusterConfiguration {
        ClusterConfiguration(
            name: name, kubernetes: .init(context: name), nodes: NodesConfiguration(inventory: .fixed(["10.0.0.1"])))
    }

    /// With an app in each cluster, called as it.
    private func configuration(_ names: String?...) throws -> Configuration {
        var configuration = Configuration(
            file: "/x/viridian.yaml", journal: "/x/viridian.sqlite", clusters: names.map(Self.cluster))
        configuration.apps = try names.map { name in
            try AppConfiguration(
                app: "app-\(name ?? "default")", cluster: name, ports: .init(container: 80, blue: 30000, green: 30001),
                image: "blog")
        }
        return configuration
    }

    private func option(_ name: String? = nil) throws -> ClusterOption {
        try ClusterOption.parse(name.map { ["--cluster", $0] } ?? [])
    }

    private func refusal(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "nothing was refused"
        } catch {
            return "\(error)"
        }
    }

    @Test("with one cluster nothing has to be said, whatever it is called", arguments: [nil, "east"])
    func one(name: String?) throws {
        let configuration = try configuration(name)
        #expect(try option().narrowed(configuration, app: nil, for: "x") == configuration)
        #expect(try option().forNewApp(try AppName("new"), in: configuration).name == name)
    }

    @Test("what is rendered for a cluster is that of the app, or of the option, and has to be one of the two")
    func rendered() throws {
        let configuration = try configuration(nil, "east", "west")
        let west = try configuration.app("app-west")
        #expect(try option().narrowed(configuration, app: west, for: "x").apps == [west])
        #expect(try option("west").narrowed(configuration, app: nil, for: "x").apps == [west])
        #expect(try option("west").narrowed(configuration, app: west, for: "x").clusters.map(\.name) == ["west"])
        let unnamed = try option("default").narrowed(configuration, app: nil, for: "x")
        #expect(unnamed.apps.map(\.name.text) == ["app-default"])
        #expect(
            refusal { _ = try option().narrowed(configuration, app: nil, for: "viridian render nginx") }
                == "viridian render nginx is rendered for one of several clusters: name it with --cluster (default, east, west)"
        )
        #expect(
            refusal { _ = try option("east").narrowed(configuration, app: west, for: "x") }
                == "app-west runs in cluster west, not in east")
        #expect(
            refusal { _ = try option("wset").narrowed(configuration, app: nil, for: "x") }
                == #"no cluster "wset"; did you mean west? known clusters: default, east, west"#)
    }

    @Test("a new app is in the cluster of the apps that name none, where there is one; else it has to name one")
    func newApp() throws {
        let new = try AppName("new")
        let several = try configuration(nil, "east")
        #expect(try option().forNewApp(new, in: several).name == nil)
        #expect(try option("east").forNewApp(new, in: several).name == "east")
        let named = try configuration("east", "west")
        #expect(try option().forNewApp(try AppName("app-west"), in: named).name == "west")
        #expect(
            refusal { _ = try option().forNewApp(new, in: named) }
                == "the app runs in one of several clusters: name it with --cluster (east, west)")
    }

    @Test("shells complete the names of clusters, where there are any")
    func completion() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "viridian-clusters-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/viridian.yaml"
        let one = "nodes: {inventory: kubernetes}\n"
        func names(_ text: String) throws -> [String] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: file))
            return ConfiguredNames.clusters(completing: ["viridian", "render", "--config", file])
        }
        #expect(try names(one) == [])
        let west = "clusters: [{name: west, context: west, nodes: {inventory: kubernetes}}]\n"
        #expect(try names(one + west) == ["default", "west"])
        #expect(try names(west) == ["west"])
    }
}
