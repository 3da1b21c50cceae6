import Yams

/// YAML that cannot be parsed, or that kubectl cannot convert to JSON.
package struct InvalidYAML: Error, Sendable, Hashable, CustomStringConvertible {
    /// Counted from 1.
    package var line: Int
    package var problem: String

    package var description: String { "line \(line): \(problem)" }

    init(_ node: Node, _ problem: String) {
        line = node.mark?.line ?? 1
        self.problem = problem
    }

    /// Only the problem, as Yams' descriptions quote the file, which may contain secrets.
    init(_ error: any Error) {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            (line, self.problem) = (mark.line, problem)
        case .duplicatedKeysInMapping(let duplicates, let context):
            (line, problem) = (
                context.mark.line, "duplicate key \(duplicates.sorted().joined(separator: ", "))"
            )
        case .reader(let problem, _, _, _): (line, self.problem) = (1, problem)
        default:
            (line, problem) = (1, String(describing: error).split(whereSeparator: \.isNewline).joined(separator: " "))
        }
    }
}

/// The single document of a YAML text, as nodes with line numbers, with merge keys applied and keys converted to strings.
///
/// The interpretation is that of sigs.k8s.io/yaml, kubectl's parser: YAML 1.1 as in go-yaml v2.
/// https://github.com/kubernetes-sigs/yaml/blob/v1.4.0/goyaml.v2/decode.go
enum YAMLDocument {
    /// - Returns: nil for an empty text.
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
        // Like kubectl, ignore empty documents.
        documents.removeAll { $0.scalar?.string.isEmpty == true && $0.scalar?.style == .plain }
        guard let document = documents.first else { return nil }
        guard documents.count == 1 else {
            throw InvalidYAML(documents[1], "a second document begins here; only one is allowed")
        }
        var expansion = YAMLExpansion()
        return try expansion.expand(document)
    }
}

/// Applies merge keys, and limits the size of expanded aliases.
private struct YAMLExpansion {
    /// An object within etcd's limit (1.5 MiB) has fewer values.
    static let limit = 200_000
    static let depthLimit = 256

    private var count = 0
    private var depth = 0

    mutating func expand(_ node: Node) throws(InvalidYAML) -> Node {
        count += 1
        guard count <= Self.limit else {
            throw InvalidYAML(node, "more than \(Self.limit) values; check the aliases")
        }
        guard depth < Self.depthLimit else { throw InvalidYAML(node, "nested deeper than \(Self.depthLimit) levels") }
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
                    // As in go-yaml v2, keys after the merge key win, keys before it do not.
                    for source in try mergeSources(value).reversed() {
                        guard case .mapping(let merged) = try expand(source) else { continue }
                        for (key, value) in merged { members.set(key, value) }
                    }
                } else {
                    let name = try name(key)
                    guard written.insert(name.scalar?.string ?? "").inserted else {
                        throw InvalidYAML(key, "duplicate key \(name.scalar?.string ?? "")")
                    }
                    members.set(name, try expand(value))
                }
            }
            return Node.mapping(.init(members.pairs, Tag(.map), mapping.style, mapping.mark))
        case .alias:
            throw InvalidYAML(node, "an alias without an anchor")
        }
    }

    /// The mappings of a merge key; in a list, earlier ones win.
    private func mergeSources(_ value: Node) throws(InvalidYAML) -> [Node] {
        let sources = value.sequence.map { Array($0) } ?? [value]
        for source in sources where source.mapping == nil {
            throw InvalidYAML(value, "<< requires a mapping or a list of mappings")
        }
        return sources
    }

    private func name(_ key: Node) throws(InvalidYAML) -> Node {
        guard let scalar = key.scalar else { throw InvalidYAML(key, "a key must be a string") }
        let text: String
        switch try YAMLScalar(scalar, at: key) {
        case .string(let value): text = value
        case .bool(let value): text = value ? "true" : "false"
        case .integer(let value): text = String(value)
        case .null, .large, .float:
            throw InvalidYAML(key, "the key \(scalar.string) is not a string; put it in quotation marks")
        }
        return Node.scalar(.init(text, Tag(.str), .doubleQuoted, scalar.mark))
    }

    /// Pairs in the order of their keys' first occurrence.
    private struct Members {
        private(set) var pairs: [(Node, Node)] = []
        private var indices: [String: Int] = [:]

        mutating func set(_ key: Node, _ value: Node) {
            let name = key.scalar?.string ?? ""
            if let index = indices[name] {
                pairs[index] = (key, value)
            } else {
                indices[name] = pairs.count
                pairs.append((key, value))
            }
        }
    }
}
