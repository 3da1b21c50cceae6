import Controller
import Scaffold
import Testing
import ViridianConfiguration

@testable import Commands

/// The files that an administrator installs on the nodes.
@Suite struct NodeFilesTests {
    private func configuration(from source: String) async throws -> String {
        var app = try AppConfiguration(
            app: "blog", ports: .init(container: 8080, blue: 30000, green: 30001), image: "registry.local:5000/blog")
        app.artifact = AppConfiguration.Artifact(from: source, to: "/srv/blog")
        let nodes = NodesConfiguration(inventory: .fixed(["10.122.43.70"]))
        return try await NodeFiles(nodes: nodes, apps: [app]).file(.configuration).text
    }

    @Test(
        "node.conf allows artifacts from the app's own place only",
        arguments: [
            ("https://assets.example.com/{app}/{version}.tgz", "https://assets.example.com/blog/"),
            ("https://{app}.example.com/{version}/a.tgz", "https://blog.example.com/"),
            ("https://assets.example.com/{app}-{version}.tgz", "https://assets.example.com/blog-"),
            ("https://assets.example.com/blog.tgz", "https://assets.example.com/blog.tgz"),
            ("/var/artifacts/{app}/{version}.tgz", "file"),
        ])
    func sources(from: String, allowed: String) async throws {
        #expect(try await configuration(from: from).split(separator: "\n").contains("artifact.blog=\(allowed)"))
    }

    @Test("in a bucket, other apps' artifacts are not allowed")
    func bucket() async throws {
        let lines = try await configuration(from: "s3://builds/{app}/{version}.tgz").split(separator: "\n")
        let line = try #require(lines.first { $0.hasPrefix("artifact.blog=https://") })
        #expect(line.hasSuffix("/blog/"), "\(line)")
        #expect(lines.contains("upstream.blog=blogLB"), "\(lines)")
    }

    @Test(
        "a version in the host or in the bucket's name is refused: any host would be allowed",
        arguments: [
            "https://{version}.example.com/a.tgz", "https://assets.example.com:{version}/a", "s3://{version}/a.tgz",
        ])
    func open(from: String) async throws {
        let refusal = await #expect(throws: Refusal.self) { try await configuration(from: from) }
        #expect(refusal?.message.contains("after the first slash") == true)
    }
}
