import Foundation
import Scaffold
import Testing
import ViridianConfiguration

/// The article's app.
func blog(_ change: (inout AppConfiguration) throws -> Void = { _ in }) throws -> AppConfiguration {
    var app = try AppConfiguration(
        app: "blog", ports: .init(container: 9000, blue: 30000, green: 30001), image: "registry.local:5000/blog",
        protocol: .fastcgi, hosts: ["blog.domain.com"])
    try change(&app)
    return app
}

func www(_ change: (inout AppConfiguration) throws -> Void = { _ in }) throws -> AppConfiguration {
    var app = try AppConfiguration(
        app: "www", ports: .init(container: 8080, blue: 30010, green: 30011), image: "registry.local:5000/www",
        hosts: ["www.domain.com", "domain.com"])
    try change(&app)
    return app
}

func configuration(
    _ apps: [AppConfiguration], inventory: NodesConfiguration.Inventory = .fixed(["10.122.43.70"]),
    backends: String = "/etc/nginx/backends.d", server: ServerConfiguration = .init()
) -> Configuration {
    Configuration(
        file: "/x/viridian.yaml", journal: "/x/viridian.sqlite",
        nodes: NodesConfiguration(inventory: inventory, backends: backends), server: server, apps: apps)
}

/// As of `viridian render viridian-node`, `node.conf` and `sudoers`.
let nodeProgram = NodeProgram(
    user: "deploy", program: RenderedFile(path: "usr/local/sbin/viridian-node", text: "#!/bin/sh\n"),
    configuration: RenderedFile(path: "etc/viridian/node.conf", text: "backends=/etc/nginx/backends.d\n"),
    sudoers: RenderedFile(
        path: "etc/sudoers.d/viridian", text: "deploy ALL=(root) NOPASSWD: /usr/local/sbin/viridian-node \"\"\n"),
    keyOptions: ["restrict", "command=\"sudo -n /usr/local/sbin/viridian-node\""])

/// What `viridian render` prints.
func rendered(_ what: Rendering, _ configuration: Configuration) throws -> String {
    what.text(try what.files(configuration, apps: configuration.apps))
}

/// The lines of a text without what they are indented by, and without empty lines and comments.
func lines(_ text: String) -> [String] {
    text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        .filter { !$0.isEmpty && !$0.hasPrefix("#") }
}

func withFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let path = FileManager.default.temporaryDirectory.appending(path: "viridian-scaffold-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

func write(_ text: String, to path: String) throws {
    let url = URL(fileURLWithPath: path)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
}
