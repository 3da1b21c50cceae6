import Yams

/// A YAML text of which single values are changed, while everything else stays as it is written, comments too.
///
/// Each change is parsed again and compared with what it is meant to be: a text that is written in a way that is not understood here is
/// refused, not damaged.
package struct YAMLText: Sendable {
    package private(set) var text: String

    package struct CannotEdit: Error, Sendable, Hashable, CustomStringConvertible {
        package var key: String
        package var description: String { "the value of \(key) is written in a way that is not understood here" }
    }

    package init(_ text: String) { self.text = text }

    /// Sets the value under a path of keys (`nodes`, `ssh`, `identityFile`), which is added where it is missing. An item of a list is its
    /// number, counted from 0 (`clusters`, `1`, `kubeconfig`), and has to be there.
    /// - Parameters:
    ///   - path: The keys.
    ///   - value: Needs no quotation marks in YAML.
    /// - Throws: `CannotEdit`.
    package mutating func set(_ path: [String], to value: String) throws(CannotEdit) {
        let problem = CannotEdit(key: path.joined(separator: "."))
        guard let root = try? Yams.compose(yaml: text, .default, .default, .utf8), root.mapping != nil else {
            throw problem
        }
        var node = root
        var rest = path[...]
        while let key = rest.first, let next = node.child(key) {
            node = next
            rest = rest.dropFirst()
        }
        let lines = Lines(text)
        let changed: String?
        if rest.isEmpty {
            changed = lines.replacing(node, by: value)
        } else if let mapping = node.mapping {
            let entry = rest.dropLast().reversed().reduce("\(rest.last ?? ""): \(value)") { "\($1): {\($0)}" }
            changed = lines.adding(entry, to: mapping, at: node)
        } else {
            changed = nil
        }
        try accept(changed, as: root.setting(path[...], to: value), problem)
    }

    /// Removes a key of the file's outermost mapping with all that is under it.
    /// - Throws: `CannotEdit`.
    package mutating func remove(_ key: String) throws(CannotEdit) {
        let problem = CannotEdit(key: key)
        guard let root = try? Yams.compose(yaml: text, .default, .default, .utf8), var mapping = root.mapping else {
            throw problem
        }
        guard mapping[key] != nil else { return }
        let changed = Lines(text).removing(key, from: mapping, at: root)
        mapping[key] = nil
        try accept(changed, as: .mapping(mapping), problem)
    }

    private mutating func accept(_ changed: String?, as meant: Node, _ problem: CannotEdit) throws(CannotEdit) {
        guard let changed, (try? Yams.compose(yaml: changed, .default, .default, .utf8)) == meant else { throw problem }
        text = changed
    }
}

extension Node {
    /// The value of a key, or the item of that number.
    fileprivate func child(_ key: String) -> Node? {
        if let mapping { return mapping[key] }
        guard let sequence, let index = Int(key), sequence.indices.contains(index) else { return nil }
        return sequence[index]
    }

    fileprivate func setting(_ path: ArraySlice<String>, to value: String) -> Node {
        guard let key = path.first else { return Node(value) }
        if var sequence, let index = Int(key), sequence.indices.contains(index) {
            sequence[index] = sequence[index].setting(path.dropFirst(), to: value)
            return .sequence(sequence)
        }
        guard var mapping, let present = mapping[key] else {
            let added = Node.mapping(Node.Mapping([])).setting(path.dropFirst(), to: value)
            // The order counts when nodes are compared.
            return .mapping(Node.Mapping([(Node(key), added)] + (mapping.map(Array.init) ?? [])))
        }
        mapping[key] = present.setting(path.dropFirst(), to: value)
        return .mapping(mapping)
    }
}

/// A text as lines of Unicode scalars, which is how libyaml counts its marks.
private struct Lines {
    private var lines: [[Unicode.Scalar]]

    init(_ text: String) {
        lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map(Array.init)
    }

    private var text: String {
        var view = String.UnicodeScalarView()
        for (index, line) in lines.enumerated() {
            if index > 0 { view.append("\n") }
            view.append(contentsOf: line)
        }
        return String(view)
    }

    /// Where a node begins: line and column, counted from 0.
    private func place(_ node: Node) -> (line: Int, column: Int)? {
        guard let mark = node.mark, lines.indices.contains(mark.line - 1), mark.column - 1 <= lines[mark.line - 1].count
        else { return nil }
        return (mark.line - 1, mark.column - 1)
    }

    /// Where a mapping in braces begins. Yams does not tell which style a mapping has.
    private func brace(_ node: Node) -> (line: Int, column: Int)? {
        place(node).flatMap { lines[$0.line].dropFirst($0.column).first == "{" ? $0 : nil }
    }

    /// A scalar on one line, by another one.
    func replacing(_ node: Node, by value: String) -> String? {
        guard let scalar = node.scalar, let (line, column) = place(node) else { return nil }
        let rest = lines[line][column...]
        let length: Int
        switch scalar.style {
        case .plain: length = scalar.string.unicodeScalars.count
        case .singleQuoted, .doubleQuoted:
            // What it stands for may be shorter than how it is written; without escapes it is not.
            length = scalar.string.unicodeScalars.count + 2
            guard let quote = rest.first, rest.dropFirst(length - 1).first == quote else { return nil }
        default: return nil
        }
        guard rest.count >= length else { return nil }
        var changed = self
        changed.lines[line].replaceSubrange(column..<(column + length), with: Array(value.unicodeScalars))
        return changed.text
    }

    /// An entry as a mapping's first.
    func adding(_ entry: String, to mapping: Node.Mapping, at node: Node) -> String? {
        var changed = self
        if let (line, column) = brace(node) {
            let separator = mapping.isEmpty ? "" : ", "
            changed.lines[line].insert(contentsOf: Array((entry + separator).unicodeScalars), at: column + 1)
        } else {
            // Before the first key, also where that stands behind the `-` of a list's item.
            guard let first = mapping.first?.key, let (line, column) = place(first),
                lines[line].prefix(column).allSatisfy({ $0 == " " || $0 == "-" })
            else { return nil }
            let indentation = String(repeating: " ", count: column)
            changed.lines[line].insert(contentsOf: Array("\(entry)\n\(indentation)".unicodeScalars), at: column)
        }
        return changed.text
    }

    /// The lines of an entry, without comments that belong to the next one.
    func removing(_ key: String, from mapping: Node.Mapping, at node: Node) -> String? {
        guard brace(node) == nil, let entry = mapping.first(where: { $0.key.scalar?.string == key }),
            let start = place(entry.key)?.line
        else { return nil }
        let later = mapping.compactMap { place($0.key)?.line }.filter { $0 > start }
        var end = later.min() ?? lines.count
        while end > start + 1, lines[end - 1].isEmpty || lines[end - 1].first == "#" { end -= 1 }
        var changed = self
        changed.lines.removeSubrange(start..<end)
        return changed.text
    }
}
