import Foundation

/// A scalar of a file after its variables are filled in; never interpreted, so that `1.10` stays `1.10`.
struct Scalar {
    var text: String
    /// Written without quotation marks, so that YAML would take `80` for a number.
    var isPlain: Bool
    /// Came in part from the environment, where there are no types.
    var isInterpolated: Bool
    var file: SourceFile
    var environment: [String: String]

    /// Numbers and truth values are those without quotation marks, as everywhere in YAML.
    var mayBeTyped: Bool { isPlain || isInterpolated }
}

/// A scalar is not what it should be.
struct Mismatch: Error {
    /// Says more than the kind's own description.
    var expected: String?
    /// What was found is not shown.
    var isSecret = false
}

/// What a scalar has to be, and how it becomes a value.
struct Kind<Value> {
    /// Completes the sentence "expected …".
    var expected: String
    /// Its text is not shown in errors.
    var isSecret = false
    var parse: (Scalar) throws(Mismatch) -> Value

    init(_ expected: String, isSecret: Bool = false, parse: @escaping (Scalar) throws(Mismatch) -> Value) {
        self.expected = expected
        self.isSecret = isSecret
        self.parse = parse
    }

    /// A kind that has nothing more to say about what it refuses.
    init(_ expected: String, isSecret: Bool = false, reading: @escaping (Scalar) -> Value?) {
        self.init(expected, isSecret: isSecret) { scalar throws(Mismatch) in
            guard let value = reading(scalar) else { throw Mismatch() }
            return value
        }
    }

    /// A kind whose values check themselves.
    init(_ expected: String, validating: @escaping (String) throws(InvalidValue) -> Value) {
        self.init(expected) { scalar throws(Mismatch) in
            do throws(InvalidValue) {
                return try validating(scalar.text)
            } catch {
                throw Mismatch(expected: error.expected)
            }
        }
    }
}

extension Kind where Value == String {
    static func text(_ expected: String, where isAllowed: @escaping (String) -> Bool) -> Kind {
        Kind(expected) { isAllowed($0.text) ? $0.text : nil }
    }

    /// A path on this machine: `~` is the home directory, a relative one starts at the file.
    static var path: Kind {
        Kind("a path") { scalar throws(Mismatch) in
            let text = scalar.text
            guard !text.isEmpty, Grammar.isOneLine(text) else { throw Mismatch() }
            guard text.hasPrefix("~") else { return scalar.file.resolve(text) }
            guard text == "~" || text.hasPrefix("~/") else {
                throw Mismatch(expected: "a path; only ~/ stands for a home directory")
            }
            guard let home = scalar.environment["HOME"], home.hasPrefix("/") else {
                throw Mismatch(expected: "a path without ~, because HOME is not set")
            }
            return home + text.dropFirst()
        }
    }

    /// A path on a node.
    static func absolutePath(_ expected: String = "an absolute path") -> Kind {
        .text(expected) { $0.hasPrefix("/") && Grammar.isOneLine($0) }
    }

    /// A command for a shell, as the operator wrote it.
    static var command: Kind {
        .text("a command on one line") {
            Grammar.isOneLine($0) && !$0.allSatisfy(\.isWhitespace)
        }
    }

    static func dnsName(_ expected: String = "a DNS name") -> Kind {
        Kind(expected) { Grammar.isDNSName($0.text) ? $0.text.lowercased() : nil }
    }

    /// A host as people open it in a browser: with a port where that is not the scheme's own.
    static func site(_ expected: String = "a DNS name") -> Kind {
        Kind(expected) { scalar in
            let parts = scalar.text.split(separator: ":", omittingEmptySubsequences: false)
            guard let name = parts.first, parts.count <= 2, Grammar.isDNSName(name) else { return nil }
            guard parts.count < 2 || Int(parts[1]).map({ (1...65_535).contains($0) }) == true else { return nil }
            return scalar.text.lowercased()
        }
    }
}

extension Kind where Value == Int {
    static func integer(_ range: ClosedRange<Int>, _ expected: String? = nil) -> Kind {
        let words =
            expected
            ?? (range.upperBound == .max
                ? "a whole number from \(range.lowerBound) on"
                : "a whole number between \(range.lowerBound) and \(range.upperBound)")
        return Kind(words) { scalar in
            guard scalar.mayBeTyped, let number = Int(decimal: scalar.text) else { return nil }
            return range.contains(number) ? number : nil
        }
    }

    static func port(_ range: ClosedRange<Int> = 1...65535) -> Kind {
        .integer(range, "a port between \(range.lowerBound) and \(range.upperBound)")
    }
}

extension Kind where Value == Bool {
    /// The truth values of YAML 1.1, without `y` and `n`.
    static var boolean: Kind {
        Kind("true or false") { scalar in
            guard scalar.mayBeTyped else { return nil }
            switch scalar.text.lowercased() {
            case "true", "yes", "on": return true
            case "false", "no", "off": return false
            default: return nil
            }
        }
    }
}

extension Kind where Value == Duration {
    static func duration(positive: Bool = false) -> Kind {
        let expected = "a duration such as 500ms, 30s, 10m or 1h" + (positive ? ", longer than 0" : "")
        return Kind(expected) { scalar in
            guard let duration = Duration(text: scalar.text), !positive || duration > .zero else { return nil }
            return duration
        }
    }
}

extension Kind where Value == Secret {
    static var secret: Kind {
        Kind("a secret that is not empty", isSecret: true) { scalar in
            scalar.text.isEmpty || !Grammar.isOneLine(scalar.text) ? nil : Secret(scalar.text)
        }
    }
}

extension Kind where Value == URL {
    static var url: Kind {
        Kind("a URL such as https://deploy.domain.com") { scalar throws(Mismatch) in
            var text = scalar.text
            while text.hasSuffix("/") { text.removeLast() }
            guard !text.contains("@") else {
                throw Mismatch(expected: "a URL without a user and a password", isSecret: true)
            }
            guard let url = URL(string: text), let host = url.host, !host.isEmpty,
                ["http", "https"].contains(url.scheme?.lowercased())
            else { throw Mismatch() }
            return url
        }
    }
}

extension Kind where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of the words of an enumeration, exactly as it is written there.
    static var word: Kind {
        let words = Value.allCases.map(\.rawValue)
        return Kind(alternatives(words)) { scalar throws(Mismatch) in
            guard let value = Value(rawValue: scalar.text) else { throw Mismatch() }
            return value
        }
    }
}
