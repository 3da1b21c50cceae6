import Yams

/// A mapping of a file. Errors are added to the context, and reading continues.
struct Section {
    let location: Location
    private let entries: [String: (key: Node, value: Node)]
    private let context: ReadingContext

    /// A whole file. Keys other than `known` are reported.
    init?(_ file: YAMLFile, known: [String], _ context: ReadingContext) {
        self.init(file.root, at: Location(file: file.source), known: known, context)
    }

    /// `known` is `nil` for a mapping with arbitrary keys.
    private init?(_ node: Node, at location: Location, known: [String]?, _ context: ReadingContext) {
        self.location = location
        self.context = context
        guard let mapping = node.mapping else {
            let names = known.map { " (\($0.joined(separator: ", ")))" } ?? ""
            context.report("expected keys and values\(names), found \(Self.describe(node))", at: location)
            return nil
        }
        var entries: [String: (key: Node, value: Node)] = [:]
        for (key, value) in mapping {
            guard let name = key.scalar?.string else {
                context.report("expected a key, found \(Self.describe(key))", at: location.on(line: key.mark?.line))
                continue
            }
            entries[name] = (key, value)
            guard let known, !known.contains(name) else { continue }
            let shown = name.utf8.allSatisfy { Grammar.isAlphanumeric($0) } ? name : Excerpt.quoted(name)
            let hint =
                Suggestion.nearest(to: name, among: known).map { "did you mean \($0)?" }
                ?? "known here: \(known.joined(separator: ", "))"
            context.report("unknown key; \(hint)", at: location.under(shown, line: key.mark?.line))
        }
        self.entries = entries
    }

    func has(_ key: String) -> Bool { entries[key] != nil }

    /// Whether the list or mapping under `key` exists and is empty.
    func isEmpty(_ key: String) -> Bool {
        guard let value = entries[key]?.value else { return false }
        return value.sequence?.isEmpty ?? value.mapping?.isEmpty ?? false
    }

    /// The length of the list under `key`; 0 where there is none.
    func itemCount(_ key: String) -> Int { entries[key]?.value.sequence?.count ?? 0 }

    /// The location of a key; the section's own line if the key is missing.
    func location(of key: String) -> Location {
        location.under(key, line: entries[key]?.key.mark?.line ?? location.line)
    }

    func report(_ message: String, at key: String) {
        context.report(message, at: location(of: key))
    }

    // MARK: Scalars

    /// The value under `key`; `nil` if it is missing, or wrong and reported. Most keys are missing: their kinds are not made.
    func read<Value>(_ key: String, _ kind: @autoclosure () -> Kind<Value>) -> Value? {
        guard let entry = entries[key] else { return nil }
        return read(entry.value, kind(), at: location(of: key))
    }

    /// The value under `key`, or the default if it is missing or wrong.
    func read<Value>(_ key: String, _ kind: @autoclosure () -> Kind<Value>, default value: Value) -> Value {
        read(key, kind()) ?? value
    }

    /// The value under `key`; reported if it is missing.
    func require<Value>(_ key: String, _ kind: Kind<Value>) -> Value? {
        guard has(key) else {
            report("missing; expected \(kind.expected)", at: key)
            return nil
        }
        return read(key, kind)
    }

    /// The values of a list under `key`.
    func list<Value>(_ key: String, _ kind: @autoclosure () -> Kind<Value>, orOne: Bool = false) -> [Value]? {
        guard let entry = entries[key] else { return nil }
        let kind = kind()
        if orOne, entry.value.scalar != nil { return read(entry.value, kind, at: location(of: key)).map { [$0] } }
        return items(key, kind)?.map(\.value)
    }

    /// The values of a list under `key`, each with its place.
    func items<Value>(_ key: String, _ kind: @autoclosure () -> Kind<Value>) -> [(value: Value, location: Location)]? {
        guard let entry = entries[key] else { return nil }
        let kind = kind()
        let place = location(of: key)
        guard let items = entry.value.sequence else {
            context.report("expected a list, found \(Self.describe(entry.value))", at: place)
            return nil
        }
        return items.enumerated().compactMap { index, item in
            let location = place.item(index, line: item.mark?.line)
            return read(item, kind, at: location).map { ($0, location) }
        }
    }

    private func read<Value>(_ node: Node, _ kind: Kind<Value>, at place: Location) -> Value? {
        guard let written = node.scalar, !node.isNothing else {
            context.report("expected \(kind.expected), found \(Self.describe(node))", at: place)
            return nil
        }
        let scalar: Scalar
        do {
            let isSecret = kind.isSecret
            let expanded = try Interpolation.expand(
                written.string, context.environment,
                unset: { isSecret && context.toleratesUnsetSecrets ? "${\($0)}" : nil },
                found: { context.variables.insert($0) })
            if isSecret, !expanded.isInterpolated { context.noteWrittenSecret(at: place) }
            scalar = Scalar(
                text: expanded.text, isPlain: written.style == .plain, isInterpolated: expanded.isInterpolated,
                file: location.file, environment: context.environment)
        } catch {
            switch error {
            case .unset(let name): context.report("the environment variable \(name) is not set", at: place)
            case .malformed:
                context.report("expected ${NAME} for an environment variable, or $${ for a plain ${", at: place)
            }
            return nil
        }
        do {
            return try kind.parse(scalar)
        } catch {
            let found = kind.isSecret || error.isSecret ? "" : ", found \(Self.describe(scalar))"
            context.report("expected \(error.expected ?? kind.expected)\(found)", at: place)
            return nil
        }
    }

    // MARK: Sections

    /// The mapping under `key`; `nil` if it is missing, or no mapping and reported.
    func section(_ key: String, known: [String]) -> Section? {
        entries[key].flatMap { Section($0.value, at: location(of: key), known: known, context) }
    }

    /// The mapping under `key`; reported if it is missing.
    func requireSection(_ key: String, known: [String]) -> Section? {
        if !has(key) { report("missing; expected keys and values (\(known.joined(separator: ", ")))", at: key) }
        return section(key, known: known)
    }

    /// The mappings of a list under `key`.
    func sections(_ key: String, known: [String]) -> [Section] {
        guard let entry = entries[key] else { return [] }
        let place = location(of: key)
        guard let items = entry.value.sequence else {
            context.report("expected a list, found \(Self.describe(entry.value))", at: place)
            return []
        }
        return items.enumerated().compactMap { index, item in
            Section(item, at: place.item(index, line: item.mark?.line), known: known, context)
        }
    }

    /// A mapping with arbitrary keys, such as the tags of an instance.
    func dictionary<Value>(_ key: String, _ kind: Kind<Value>) -> [String: Value]? {
        guard let entry = entries[key],
            let section = Section(entry.value, at: location(of: key), known: nil, context)
        else { return nil }
        return section.entries.keys.sorted().reduce(into: [:]) { $0[$1] = section.read($1, kind) }
    }

    // MARK: Descriptions

    private static func describe(_ node: Node) -> String {
        switch node {
        case .mapping: "keys and values"
        case .sequence: "a list"
        // Without the text, which may be a misplaced secret.
        case .scalar: node.isNothing ? "nothing" : "text"
        case .alias: "an alias"
        }
    }

    private static func describe(_ scalar: Scalar) -> String {
        let isNumber = Int(decimal: scalar.text) != nil || ["true", "false"].contains(scalar.text)
        return scalar.isPlain && isNumber ? scalar.text : Excerpt.quoted(scalar.text)
    }
}

extension Location {
    func under(_ name: String, line: Int?) -> Location {
        Location(file: file, line: line, key: key.map { $0 + "." + name } ?? name)
    }

    func item(_ index: Int, line: Int?) -> Location {
        Location(file: file, line: line ?? self.line, key: (key ?? "") + "[\(index)]")
    }

    func on(line: Int?) -> Location {
        Location(file: file, line: line ?? self.line, key: key)
    }
}

extension Node {
    /// Empty or one of YAML's forms of null, without quotation marks. Yams does not handle these.
    var isNothing: Bool {
        guard let scalar, scalar.style == .plain else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }
}
