import Foundation

@testable import ViridianConfiguration

/// A directory with configuration files, deleted after the test.
final class Fixture: Sendable {
    let directory: String

    static let main = """
        nodes: {inventory: static, static: [10.122.43.70, 10.122.41.136]}

        """
    static let blog = """
        app: blog
        ports: {container: 9000, blue: 30000, green: 30001}
        image: registry.local:5000/blog

        """

    /// With a default `viridian.yaml` and `apps/blog.yaml` unless `files` contains them.
    init(_ files: [String: String] = [:], without: [String] = []) throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("viridian-\(UUID())").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        var all = ["viridian.yaml": Self.main, "apps/blog.yaml": Self.blog].merging(files) { $1 }
        for name in without { all[name] = nil }
        for (name, text) in all { try write(Data(text.utf8), to: name) }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    func write(_ data: Data, to name: String) throws {
        let url = URL(fileURLWithPath: path(name))
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: url)
    }

    func path(_ name: String) -> String { directory + "/" + name }

    func load(_ environment: [String: String] = [:]) throws -> Configuration {
        try Configuration.load(
            file: path("viridian.yaml"), environment: environment, workingDirectory: directory)
    }

    /// The lines of the error; empty if there is none.
    func errors(_ environment: [String: String] = [:]) throws -> [String] {
        do {
            _ = try load(environment)
            return []
        } catch let error as ConfigurationError {
            return error.diagnostics.map(\.description)
        }
    }
}

/// The errors of an app's file.
func appErrors(_ text: String, _ environment: [String: String] = [:]) throws -> [String] {
    try Fixture(["apps/blog.yaml": text]).errors(environment)
}

/// The errors of a complete app's file with one more line, the fourth.
func appErrors(adding line: String, _ environment: [String: String] = [:]) throws -> [String] {
    try appErrors(Fixture.blog + line + "\n", environment)
}

/// The errors of a complete `viridian.yaml` with one more line, the second.
func mainErrors(adding line: String, _ environment: [String: String] = [:]) throws -> [String] {
    try Fixture(["viridian.yaml": Fixture.main + line + "\n"]).errors(environment)
}
