import Yams

/// YAML that cannot be read, or of which kubectl makes no JSON.
package struct InvalidYAML: Error, Sendable, Hashable, CustomStringConvertible {
    /// Counted from 1.
    package var line: Int
    package var problem: String

    package var description: String { "line \(line): \(problem)" }

    init(_ node: Node, _ problem: String) {
        line = node.mark?.line ?? 1
        self.problem = problem
    }

    /// Only the problem: the descriptions of Yams quote the file, which may hold secrets.
    init(_ error: any Error) {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            (line, self.problem) = (mark.line, problem)
        case .duplicatedKeysInMapping(let duplicates, let context):
            (line, problem) = (
                context.mark.line, "the key \(duplicates.sorted().joined(separator: ", ")) is there twice"
            )
        case .reader(let problem, _, _, _): (line, self.problem) = (1, problem)
        default:
            (line, problem) = (1, String(describing: error).split(whereSeparator: \.isNewline).joined(separator: " "))
        }
    }
}

/// The one document of a YAML text as nodes that know their lines, with merge keys applied and every key as text.
///
/// Meanings are those of sigs.k8s.io/yaml, which kubectl reads with: YAML 1.1 as go-yaml v2 has it.
/// https://github.com/kubernetes-sigs/yaml/blob/v1.4.0/goyaml.v2/decode.go
enum YAMLDocument {
    /// - Returns: nil for a text without content.
    static func compose(_ text: String) throws(InvalidYAML) -> Node? {
        let sequence: YamlSequence<Node>
        do {
            sequence = try Yams.compose_all(yaml: text, YAMLScalar.untyped, .default, .utf8)
        } catch {
            throw InvalidYAML(error)
        }
        var documents: [Node] = []
        var rest = sequence
        while let document = rest.next() { documents.append(document) }
        if let error = rest.error { throw InvalidYAML(error) }
        // A separator with nothing behind it makes no object for kubectl either.
        documents.removeAll { $0.scalar?.string.isEmpty == true && $0.scalar?.style == .plain }
        guard let document = documents.first else { return nil }
        guard documents.count == 1 else {
            throw InvalidYAML(documents[1], "a second document begins here; one is expected")
        }
        var expansion = YAMLExpansion()
        return try expansion.expand(document)
    }
}

/// Applies merge keys, and bounds what aliases make of a small text.
private struct YAMLExpansion {
    /// An object that etcd takes (1.5 MiB) has fewer values.
    static let most = 200_000
    static let deepest = 256

    private var count = 0
    private var depth = 0

    mutating func expand(_ node: Node) throws(InvalidYAML) -> Node {
        count += 1
        guard count <= Self.most else {
            throw InvalidYAML(node, "more than \(Self.most) values; are there too many aliases?")
        }
        guard depth < Self.deepest else { throw InvalidYAML(node, "nested deeper than \(Self.deepest) levels") }
        depth += 1
        defer { depth -= 1 }
        switch node {
        case .scalar: return node
        case .sequence(let sequence):
            var items: [Node] = []
            for item in sequence { items.append(try expand(item)) }
            return Node.sequence(.init(items, Tag(.seq), sequence.style, sequence.mark))
        case .mapping(let mapping):
            var members = Members()
            var written: Set<String> = []
            for (key, value) in mapping {
                if YAMLScalar.isMergeKey(key) {
                    // go-yaml v2 applies it where it stands: keys behind it win, keys before it do not.
                    for source in try mergeSources(value).reversed() {
                        guard case .mapping(let merged) = try expand(source) else { continue }
                        for (key, value) in merged { members.set(key, value) }
                    }
                } else {
                    let name = try name(key)
                    guard written.insert(name.scalar?.string ?? "").inserted else {
                        throw InvalidYAML(key, "the key \(name.scalar?.string ?? "") is there twice")
                    }
                    members.set(name, try expand(value))
                }
            }
            return Node.mapping(.init(members.pairs, Tag(.map), mapping.style, mapping.mark))
        case .alias:
            throw InvalidYAML(node, "an alias without its anchor")
        }
    }

    /// The mappings that a merge key names: of a list, earlier ones win.
    private func mergeSources(_ value: Node) throws(InvalidYAML) -> [Node] {
        let sources = value.sequence.map { Array($0) } ?? [value]
        for source in sources where source.mapping == nil {
            throw InvalidYAML(value, "<< needs a mapping or a list of mappings")
        }
        return sources
    }

    private func name(_ key: Node) throws(InvalidYAML) -> Node {
        guard let scalar = key.scalar else { throw InvalidYAML(key, "a key must be text") }
        let text: String
        switch try YAMLScalar(scalar, at: key) {
        case .string(let value): text = value
        case .bool(let value): text = value ? "true" : "false"
        case .integer(let value): text = String(value)
        case .null, .large, .float:
            throw InvalidYAML(key, "the key \(scalar.string) is not text; put it in quotation marks")
        }
        return Node.scalar(.init(text, Tag(.str), .doubleQuoted, scalar.mark))
    }

    /// Pairs in the order in which their keys came first.
    private struct Members {
        private(set) var pairs: [(Node, Node)] = []
        private var places: [String: Int] = [:]

        mutating func set(_ key: Node, _ value: Node) {
            let name = key.scalar?.string ?? ""
            if let place = places[name] {
                pairs[place] = (key, value)
            } else {
                places[name] = pairs.count
                pairs.append((key, value))
            }
        }
    }
}
