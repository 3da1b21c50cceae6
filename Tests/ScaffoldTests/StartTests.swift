import Foundation
import Processes
import Scaffold
import Testing
import ViridianConfiguration

/// What `init` and `app add` write.
@Suite("a new configuration")
struct StartTests {
    private func next(after apps: [AppConfiguration]) throws -> (blue: Int, green: Int) {
        try PortPlan.next(taken: PortPlan.taken(by: apps))
    }

    @Test("ports go up in tens, past every pair of which an app has a port")
    func ports() throws {
        #expect(try next(after: []) == (30000, 30001))
        #expect(try next(after: [try blog()]) == (30010, 30011))
        #expect(try next(after: [try www()]) == (30000, 30001))
        let crossing = try www { $0.ports = .init(container: 80, blue: 30015, green: 30011) }
        #expect(try next(after: [try blog(), crossing]) == (30020, 30021))
        let every = try stride(from: 30000, to: 32767, by: 10).map { port in
            try www { $0.ports = .init(container: 80, blue: port, green: port + 1) }
        }
        #expect(throws: ScaffoldError.self) { try next(after: every) }
        #expect(try next(after: every.dropLast()) == (32760, 32761))
    }

    /// The configuration of a folder with these nodes and this app, as it is read.
    private func read(_ nodes: StartingNodes, _ app: StartingApp) async throws -> Configuration {
        try await withFolder { folder in
            for file in [StartingConfiguration(nodes).file, app.file, app.podTemplate] {
                try write(file.text, to: "\(folder)/\(file.path)")
            }
            return try Configuration.load(
                file: "\(folder)/viridian.yaml", environment: [:], workingDirectory: folder)
        }
    }

    private func app(_ name: String, _ change: (inout StartingApp) -> Void = { _ in }) throws -> StartingApp {
        var app = StartingApp(
            name: try AppName(name), image: "registry.local:5000/\(name)",
            ports: .init(container: 8080, blue: 30010, green: 30011))
        change(&app)
        return app
    }

    @Test("the files of a new app are read as what they were made from", arguments: ["shop", "on", "x-1"])
    func files(name: String) async throws {
        let made = try app(name) {
            $0.protocol = .fastcgi
            $0.hosts = ["shop.domain.com", "*.shop.domain.com"]
            $0.preview = "preview.shop.domain.com:8443"
        }
        let read = try await read(.local, made).app(name)
        var expected = try made.configuration
        // The pod template's path is the folder's.
        expected.template = read.template
        #expect(read == expected)
        #expect(read.template?.text == made.podTemplate.text)
    }

    @Test("without hosts and preview, their keys are comments, with an example")
    func bare() async throws {
        let made = try app("shop")
        let read = try await read(.local, made).app("shop")
        #expect(read.hosts == [] && read.preview == nil && read.protocol == .http)
        #expect(made.file.text.contains("\n# hosts: [shop.domain.com] "))
        #expect(made.file.text.contains("\n# preview: preview.shop.domain.com "))
    }

    @Test(
        "the machines are read as what they were made from",
        arguments: [
            (StartingNodes.local, NodesConfiguration(inventory: .fixed(["127.0.0.1"]), transport: .local, sudo: true)),
            (
                .addresses(["10.0.0.1", "node-2", "2001:db8::1"], user: "deploy"),
                NodesConfiguration(
                    inventory: .fixed(["10.0.0.1", "node-2", "2001:db8::1"]), transport: .ssh(.init(user: "deploy")))
            ),
            (
                .ec2(region: "eu-west-1", tags: ["role": "web", "Name": "a${b}: \"c\""], user: "no"),
                NodesConfiguration(
                    inventory: .ec2(.init(region: "eu-west-1", tags: ["role": "web", "Name": "a${b}: \"c\""])),
                    transport: .ssh(.init(user: "no")))
            ),
            (
                .kubernetes(selector: "", user: "1"),
                NodesConfiguration(inventory: .kubernetes(.init()), transport: .ssh(.init(user: "1")))
            ),
            (
                .kubernetes(selector: "role in (web, edge)", user: "deploy"),
                NodesConfiguration(
                    inventory: .kubernetes(.init(selector: "role in (web, edge)")),
                    transport: .ssh(.init(user: "deploy")))
            ),
        ])
    func nodes(_ made: StartingNodes, _ expected: NodesConfiguration) async throws {
        #expect(try await read(made, try app("shop")).nodes == expected)
    }

    @Test("a pod template asks for readiness as the protocol can be asked, and tells the program its address")
    func podTemplate() throws {
        let http = try app("www").podTemplate.text
        #expect(http.contains("httpGet: {path: /, port: 8080}") && !http.contains("tcpSocket"))
        let fastCGI = try app("blog") { $0.protocol = .fastcgi }.podTemplate.text
        #expect(fastCGI.contains("tcpSocket: {port: 8080}") && !fastCGI.contains("httpGet"))
        #expect(http.contains("valueFrom: {fieldRef: {fieldPath: status.podIP}}"))
    }
}
