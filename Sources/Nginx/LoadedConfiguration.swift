#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// nginx's whole configuration on a node, as `nginx -T` prints it: every file, with those that are included in their places.
package struct LoadedConfiguration: Sendable, Hashable {
    /// A directive, with its block's directives if it has one.
    package struct Entry: Sendable, Hashable {
        package var name: String
        package var arguments: [String]
        package var file: String
        package var line: Int
        /// `nil` for a directive without a block.
        package var block: [Entry]?

        /// `/etc/nginx/sites-enabled/blog, line 22`
        package var place: String { "\(file), line \(line)" }
        /// `ip_hash`, `keepalive 16`
        package var text: String { ([name] + arguments).joined(separator: " ") }
    }

    /// A file, with its lines by their numbers; lines that are missing are empty.
    package struct File: Sendable, Hashable {
        package var path: String
        package var lines: [(number: Int, text: String)]

        package init(path: String, lines: [(number: Int, text: String)] = []) {
            self.path = path
            self.lines = lines
        }

        package static func == (first: File, second: File) -> Bool {
            first.path == second.path && first.text == second.text
        }
        package func hash(into hasher: inout Hasher) {
            hasher.combine(path)
            hasher.combine(text)
        }

        /// The file's text, each line at its number.
        var text: String {
            var text = ""
            var next = 1
            for line in lines where line.number >= next {
                text += String(repeating: "\n", count: line.number - next) + line.text + "\n"
                next = line.number + 1
            }
            return text
        }
    }

    /// The directives of the main file.
    package let entries: [Entry]
    /// Paths in nginx's order; the first is the main file.
    package let files: [String]
    /// Files that could not be parsed, each with the reason.
    package let unread: [String]

    /// Files are included at most this deep.
    private static let maximumDepth = 16

    /// - Parameter files: in nginx's order, the main file first. A file that is included twice is there once.
    package init(files: [File]) {
        var parsed: [String: [Directive]] = [:]
        var unread: [String] = []
        for file in files {
            do {
                var parser = Parser(Array(file.text.utf8))
                parsed[file.path] = try parser.file()
            } catch {
                unread.append("\(file.path): \(error)")
            }
        }
        self.files = files.map(\.path)
        self.unread = unread
        let inclusion = Inclusion(parsed: parsed, paths: files.map(\.path))
        entries = files.first.map { inclusion.entries(of: $0.path, depth: 0) } ?? []
    }

    private struct Inclusion {
        var parsed: [String: [Directive]]
        var paths: [String]

        func entries(of path: String, depth: Int) -> [Entry] {
            guard depth <= LoadedConfiguration.maximumDepth else { return [] }
            return (parsed[path] ?? []).flatMap { entries($0, in: path, depth: depth) }
        }

        private func entries(_ directive: Directive, in path: String, depth: Int) -> [Entry] {
            if directive.name == "include", directive.block == nil, directive.words.count == 2 {
                return matches(directive.words[1].value).flatMap { entries(of: $0, depth: depth + 1) }
            }
            return [
                Entry(
                    name: directive.name,
                    arguments: directive.words.dropFirst().map(\.value),
                    file: path,
                    line: directive.line,
                    block: directive.block?.flatMap { entries($0, in: path, depth: depth) }
                )
            ]
        }

        /// The files of an include's pattern. A relative one is relative to the main file's directory (`ngx_conf_full_name`).
        private func matches(_ pattern: String) -> [String] {
            let main = paths.first ?? ""
            let directory = main.lastIndex(of: "/").map { String(main[...$0]) } ?? ""
            let full = pattern.hasPrefix("/") ? pattern : directory + pattern
            return paths.filter { $0 == full || fnmatch(full, $0, FNM_PATHNAME) == 0 }.sorted()
        }
    }
}

extension LoadedConfiguration {
    /// The directives of the `http` block: virtual hosts, upstreams, maps.
    package var http: [Entry] { entries.filter { $0.name == "http" }.flatMap { $0.block ?? [] } }

    /// Every directive, blocks before what is in them.
    package var all: [Entry] { entries.flatMap(\.all) }
}

extension LoadedConfiguration.Entry {
    /// This directive and everything in its block.
    package var all: [LoadedConfiguration.Entry] { [self] + (block ?? []).flatMap(\.all) }
}
