import Foundation
import Processes
import Testing

extension ShortCommands {
    /// Everything that `render` writes for the article's installation lies in `Tests/Rendered`.
    @Suite struct RenderedFilesTests {
        private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Rendered").standardizedFileURL.path

        /// All that can be rendered, as the command's help names it, without the node script, whose parts are files here.
        static let everything = [
            "kubernetes", "nginx", "salt", "terraform", "compose", "dockerfile", "jenkins", "gitlab", "github", "rbac",
            "sudoers", "node.conf", "slack-manifest", "systemd", "grafana", "alerts", "install",
        ]

        /// With everything that can be added. The folder is named `kubernetes-with-all`.
        static let additions = ["kubernetes --with all"]

        @Test(
            "what is rendered for the article's installation is what is committed", arguments: everything + additions)
        func rendered(what: String) async throws {
            try await inAnEmptyFolder { viridian in
                let configuration = Self.folder + "/viridian.yaml"
                let said = try await viridian.run(
                    ["render"] + what.split(separator: " ").map(String.init)
                        + ["--into", "out", "--config", configuration])
                #expect(said.status == 0, "\(said)")
                let written = try Self.files(below: viridian.directory + "/out")
                let committed = Self.folder + "/" + what.replacing(" --", with: "-").replacing(" ", with: "-")
                if ProcessInfo.processInfo.environment["VIRIDIAN_WRITE_RENDERED"] != nil {
                    try? FileManager.default.removeItem(atPath: committed)
                    try FileManager.default.copyItem(atPath: viridian.directory + "/out", toPath: committed)
                    for path in try FileManager.default.subpathsOfDirectory(atPath: committed)
                    where Self.isNodeScript(path) {
                        try FileManager.default.removeItem(atPath: committed + "/" + path)
                    }
                }
                let kept = try Self.files(below: committed)
                #expect(written.keys.sorted() == kept.keys.sorted())
                for (name, text) in written { #expect(text == kept[name], "\(what)/\(name)") }
            }
        }

        @Test("every thing that the help of `render` names is compared")
        func complete() async throws {
            try await inAnEmptyFolder { viridian in
                let help = try await viridian("render", "--help")
                #expect(help.status == 0, "\(help)")
                let named = help.lines.drop { !$0.contains("<what>") }.joined(separator: " ")
                let values = try #require(named.firstMatch(of: #/values:\s*([^)]*)\)/#)).output.1
                let names = values.split { $0 == "," || $0.isWhitespace }.map(String.init)
                #expect(Set(names) == Set(Self.everything + ["viridian-node"]))
            }
        }

        /// Salt puts the node script on the nodes, whose parts are files here.
        private static func isNodeScript(_ path: String) -> Bool { path.hasSuffix("/viridian-node") }

        /// The texts of all files, by their paths in the folder.
        private static func files(below folder: String) throws -> [String: String] {
            var texts: [String: String] = [:]
            for path in try FileManager.default.subpathsOfDirectory(atPath: folder) where !isNodeScript(path) {
                var isDirectory: ObjCBool = false
                let file = folder + "/" + path
                guard FileManager.default.fileExists(atPath: file, isDirectory: &isDirectory), !isDirectory.boolValue
                else { continue }
                texts[path] = try String(contentsOfFile: file, encoding: .utf8)
            }
            return texts
        }
    }
}
