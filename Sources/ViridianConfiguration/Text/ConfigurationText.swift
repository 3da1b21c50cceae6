import Foundation

/// The configuration as it is written: for programs and people that get the files on, with every `${NAME}` in its place.
package struct ConfigurationText: Sendable, Hashable {
    package struct File: Sendable, Hashable {
        /// Relative to the folder of `viridian.yaml`; absolute for a file outside of it.
        package var path: String
        package var text: String

        package init(path: String, text: String) {
            self.path = path
            self.text = text
        }

        package var isOutside: Bool { path.hasPrefix("/") || path.split(separator: "/").contains("..") }
    }

    /// `viridian.yaml` first, then apps, pod templates and ssh_config files, sorted by their paths.
    package var files: [File]
    /// The environment variables that values name, sorted.
    package var variables: [String]
    /// Where a secret is written as it is instead of as `${NAME}`: `viridian.yaml:7: slack.token`.
    package var writtenSecrets: [String]

    package init(files: [File], variables: [String] = [], writtenSecrets: [String] = []) {
        self.files = files
        self.variables = variables
        self.writtenSecrets = writtenSecrets
    }
}

extension ConfigurationText {
    /// From what was read.
    init(_ context: ReadingContext, of configuration: Configuration) {
        let main = SourceFile(configuration.file, workingDirectory: context.workingDirectory)
        var texts = context.texts
        for cluster in configuration.clusters {
            guard case .ssh(let ssh) = cluster.nodes.transport, let path = ssh.config,
                let data = FileManager.default.contents(atPath: path)
            else { continue }
            texts[path] = String(decoding: data, as: UTF8.self)
        }
        let folder = Self.plain(main.directory).map { $0.hasSuffix("/") ? $0 : $0 + "/" } ?? main.directory
        func file(_ written: String) -> File {
            let path = Self.plain(written) ?? written
            return File(
                path: path.hasPrefix(folder) ? String(path.dropFirst(folder.count)) : path, text: texts[written] ?? "")
        }
        self.init(
            files: [file(main.path)]
                + texts.keys.filter { $0 != main.path }.map(file).sorted { $0.path < $1.path },
            variables: context.variables.sorted(), writtenSecrets: context.writtenSecrets)
    }

    /// An absolute path without `.` and `..`; `nil` where `..` leads out of the root.
    private static func plain(_ path: String) -> String? {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            guard part == ".." else {
                parts.append(part)
                continue
            }
            guard parts.popLast() != nil else { return nil }
        }
        return "/" + parts.joined(separator: "/")
    }
}
