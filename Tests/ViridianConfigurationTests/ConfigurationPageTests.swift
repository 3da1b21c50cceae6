import Foundation
import Testing

@testable import ViridianConfiguration

@Suite("docs/configuration.md")
struct ConfigurationPageTests {
    @Test(
        "it has a row for every key that the reader knows, and for no other", arguments: ConfigurationPage.File.allCases
    )
    func keys(_ file: ConfigurationPage.File) throws {
        let known = try Set(KnownKeys(file).all())
        let described = try ConfigurationPage().rows(of: file).map(\.key)
        #expect(known.count > 20)
        #expect(known.subtracting(described).sorted() == [], "not described")
        #expect(Set(described).subtracting(known).sorted() == [], "described, and the reader does not know it")
        #expect(Set(described).count == described.count, "described twice")
    }

    @Test("the nodes of a cluster have the keys of `nodes`")
    func nodesOfCluster() throws {
        let known = KnownKeys(.main)
        let keys = try known.keys(of: "nodes.")
        #expect(keys.count > 10)
        #expect(try known.keys(of: KnownKeys.nodesOfCluster + ".") == keys)
    }

    @Test("every example is a value that its key takes", arguments: ConfigurationPage.File.allCases)
    func examples(_ file: ConfigurationPage.File) throws {
        let page = try ConfigurationPage()
        for row in page.rows(of: file) {
            let problems = try file.diagnostics(of: [.init(row.key, row.example)], page.environment).filter {
                // The other keys of the file are missing, which does not matter here.
                ($0.key ?? "").hasPrefix(row.key.replacing("[]", with: "[0]"))
            }
            #expect(problems == [], "\(row.key): \(row.example)")
        }
    }

    @Test(
        "a default that is given as a value is what the program takes without the key",
        arguments: ConfigurationPage.File.allCases)
    func defaults(_ file: ConfigurationPage.File) throws {
        let page = try ConfigurationPage()
        let rows = page.rows(of: file)
        let fixture = try Fixture()
        for row in rows {
            guard let standard = row.defaultValue else { continue }
            func load(_ value: String?) throws -> Configuration {
                let entries = file.entries(around: row, rows) + (value.map { [Entry(row.key, $0)] } ?? [])
                try fixture.write(Data(Entry.yaml(entries).utf8), to: file.rawValue)
                return try fixture.load(page.environment)
            }
            let without = try load(nil)
            #expect(try load(standard) == without, "\(row.key): \(standard)")
            #expect(try load(row.example) != without, "\(row.key): the example is no other value than the default")
        }
    }

    @Test(
        "files in blocks of the documentation are read",
        arguments: [
            "README.md", "docs/guide.md", "docs/configuration.md", "docs/continuous-delivery.md",
            "docs/notifications.md",
        ])
    func blocks(_ name: String) throws {
        let page = try ConfigurationPage(name)
        #expect(!page.blocks.isEmpty)
        for block in page.blocks {
            let lines = block.split(separator: "\n")
            let files: [String: String] =
                if lines.contains(where: { $0.hasPrefix("nodes:") }) {
                    ["viridian.yaml": block]
                } else if Configuration.keys.contains(where: { block.hasPrefix("\($0):") }) {
                    ["viridian.yaml": Fixture.main + block]
                } else if lines.contains(where: { $0.hasPrefix("app:") }) {
                    ["apps/blog.yaml": block]
                } else {
                    ["apps/blog.yaml": Fixture.blog + block]
                }
            #expect(try Fixture(files).errors(page.environment) == [], "\(block)")
        }
    }
}

// MARK: - What the page says

/// The page's tables, and the files that it shows.
struct ConfigurationPage {
    enum File: String, CaseIterable {
        case main = "viridian.yaml"
        case app = "apps/blog.yaml"

        var heading: String { self == .main ? "## viridian.yaml" : "## apps/NAME.yaml" }
    }

    struct Row {
        var key: String
        var standard: String
        var example: String

        /// The default where it is one value, in backticks; `nil` where words describe it.
        var defaultValue: String? {
            let parts = standard.split(separator: "`", omittingEmptySubsequences: false)
            return parts.count == 3 && parts[0].isEmpty && parts[2].isEmpty ? String(parts[1]) : nil
        }
        var isRequired: Bool { standard == "required" }
        var section: Substring { key.lastIndex(of: ".").map { key[..<$0] } ?? "" }
    }

    private let lines: [Substring]

    init(_ name: String = "docs/configuration.md") throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        lines = try String(contentsOf: root.appending(path: name), encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false)
    }

    func rows(of file: File) -> [Row] {
        lines.drop { $0 != file.heading }.dropFirst().prefix { !$0.hasPrefix("## ") }.compactMap { line in
            guard line.hasPrefix("| `"), line.hasSuffix(" |") else { return nil }
            let cells = line.dropFirst(2).dropLast(2).components(separatedBy: " | ")
            guard cells.count == 5 else {
                Issue.record("a row has \(cells.count) cells instead of 5: \(line)")
                return nil
            }
            func plain(_ cell: String) -> String { cell.trimmingCharacters(in: ["`"]) }
            return Row(key: plain(cells[0]), standard: cells[3], example: plain(cells[4]))
        }
    }

    /// The contents of its blocks of YAML.
    var blocks: [String] {
        var blocks: [String] = []
        var block: [Substring]?
        // In an item of a list, a block is indented.
        var indentation = 0
        for line in lines {
            let text = line.trimmingPrefix { $0 == " " }
            if text == "```yaml" {
                block = []
                indentation = line.count - text.count
            } else if text == "```", let whole = block {
                blocks.append(whole.joined(separator: "\n") + "\n")
                block = nil
            } else {
                block?.append(line.dropFirst(indentation))
            }
        }
        return blocks
    }

    /// With a value for every variable that the page uses.
    var environment: [String: String] {
        var environment = ["HOME": "/home/mike"]
        for part in lines.joined(separator: "\n").components(separatedBy: "${").dropFirst() {
            let name = String(part.prefix { $0 != "}" })
            let isKey = ["SIGNING_TOKEN", "NOTIFY_SECRET"].contains { name.hasSuffix($0) }
            environment[name] = isKey ? "whsec_a2V5" : "a-value"
        }
        return environment
    }
}

// MARK: - What the reader knows

/// A key with the keys around it, `nodes.ssh.user` or `notify[].url`, and its value as YAML.
struct Entry {
    var path: [String]
    var value: String

    init(_ key: String, _ value: String) {
        path = key.split(separator: ".").map(String.init)
        self.value = value
    }

    private init(path: [String], value: String) {
        self.path = path
        self.value = value
    }

    /// A file with these entries, on one line. Where one is part of another, the whole is taken.
    static func yaml(_ entries: [Entry]) -> String {
        let parts = Dictionary(grouping: entries) { $0.path[0] }.sorted { $0.key < $1.key }.map { name, entries in
            if let whole = entries.first(where: { $0.path.count == 1 }) { return "\(name): \(whole.value)" }
            let inner = yaml(entries.map { Entry(path: Array($0.path.dropFirst()), value: $0.value) })
            return name.hasSuffix("[]") ? "\(name.dropLast(2)): [\(inner)]" : "\(name): \(inner)"
        }
        return "{\(parts.joined(separator: ", "))}"
    }
}

extension ConfigurationPage.File {
    private static let twoClusters =
        Fixture.main + "clusters: [{name: west, context: west, nodes: {inventory: kubernetes}}]"

    /// What the reader says of a file with these entries only.
    func diagnostics(of entries: [Entry], _ environment: [String: String] = [:]) throws -> [Diagnostic] {
        let fixture = try Fixture(
            ["viridian.yaml": Self.twoClusters, "apps/blog-pod.yaml": ContractTests.pod].merging(
                [rawValue: Entry.yaml(entries)]) { $1 })
        do {
            _ = try fixture.load(environment)
            return []
        } catch let error as ConfigurationError {
            return error.diagnostics.filter { $0.file == rawValue }
        }
    }

    /// What a file needs so that the row's key can be in it.
    func entries(around row: ConfigurationPage.Row, _ rows: [ConfigurationPage.Row]) -> [Entry] {
        let inventory = ["ec2", "kubernetes"].first { row.key.hasPrefix("nodes.\($0).") } ?? "static"
        let base =
            self == .main
            ? [Entry("nodes.inventory", inventory), Entry("nodes.static", "[10.122.43.70]")]
            : [
                Entry("app", "blog"), Entry("ports", "{container: 9000, blue: 30000, green: 30001}"),
                Entry("image", "registry.local:5000/blog"),
            ]
        guard !row.section.isEmpty, row.section != "nodes" else { return base }
        let siblings = rows.filter { $0.isRequired && $0.section == row.section && $0.key != row.key }
        return base + siblings.map { Entry($0.key, $0.example) }
    }
}

/// Finds the keys that the reader knows by giving it one, in every section, that it does not.
struct KnownKeys {
    private let file: ConfigurationPage.File
    private static let unknown = "qqqqqqqqqqqqqqqq"

    init(_ file: ConfigurationPage.File) {
        self.file = file
    }

    /// A section with the keys of another one, which are described there.
    static let nodesOfCluster = "clusters[].nodes"

    /// Of the whole file, sections included.
    func all() throws -> [String] { try all(in: "") }

    private func all(in section: String) throws -> [String] {
        try keys(of: section).flatMap { name -> [String] in
            let key = section + name
            if key == Self.nodesOfCluster { return [key] }
            return try [key] + all(in: key + ".") + all(in: key + "[].")
        }
    }

    /// Those of one section, `nodes.ssh.`; none where a key is no section.
    func keys(of section: String) throws -> [String] {
        let words = "unknown key; known here: "
        let told = try file.diagnostics(of: [Entry(section + Self.unknown, "1")])
            .first { $0.message.hasPrefix(words) && ($0.key ?? "").hasSuffix(Self.unknown) }
        return told.map { $0.message.dropFirst(words.count).components(separatedBy: ", ") } ?? []
    }
}
