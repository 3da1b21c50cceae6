import Foundation
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// `Examples/` shows how a team keeps what was rendered: with lines of its own, and none of the rendered ones lost.
@Suite("examples")
struct ExampleFilesTests {
    @Test(
        "container files of an example are what is rendered from its configuration, with lines of its own",
        arguments: [
            // The app's language and how it is started.
            ("www", true, ["ARG BASE=debian:trixie-slim", #"CMD ["/code/start"]"#]), ("blog", false, []),
        ])
    func containers(example: String, hasRedis: Bool, replaced: [String]) throws {
        let folder = RepositoryFile.path("Examples/\(example)")
        let configuration = try Configuration.load(file: folder + "/viridian/viridian.yaml")
        var options = RenderingOptions()
        options.hasRedis = hasRedis
        var missing: [String] = []
        for what in [Rendering.dockerfile, .compose] {
            for file in try what.files(configuration, apps: configuration.apps, options: options) {
                let kept = lines(try String(contentsOfFile: "\(folder)/\(file.path)", encoding: .utf8))
                missing += lines(file.text).difference(from: kept).insertions.compactMap { change in
                    if case .insert(_, let line, _) = change { line } else { nil }
                }
            }
        }
        #expect(missing.filter { !$0.hasPrefix(";") } == replaced)
    }
}
