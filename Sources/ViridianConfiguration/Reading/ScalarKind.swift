import Foundation

/// A scalar of a file with its variables replaced. It is not interpreted, so that `1.10` stays `1.10`.
struct Scalar {
    var text: String
    /// Written without quotation marks, so that `80` is a number in YAML.
    var isPlain: Bool
    /// Partly from the environment, which has no types.
    var isInterpolated: Bool
    var file: SourceFile
    var environment: [String: String]

    /// Whether the scalar may be a number or a boolean: in YAML these have no quotation marks.
    var mayBeTyped: Bool { isPlain || isInterpolated }
}

/// A scalar does not have the expected form.
struct Mismatch: Error {
    /// A more precise description than the kind's.
    var expected: String?
    /// Whether the error must not show the value.
    var isSecret = false
}

/// The expected form of a scalar, and its conversion to a value.
struct Kind<Value> {
    /// Completes the sentence "expected …".
    var expected: String
    /// Whether errors must not show the value.
    var isSecret = false
    var parse: (Scalar) throws(Mismatch) -> Value

    init(_ expected: String, isSecret: Bool = false, parse: @escaping (Scalar) throws(Mismatch) -> Value) {
        self.expected = expected
        self.isSecret = isSecret
        self.parse = parse
    }

    /// A kind whose errors need no more than `expected`.
    init(_ expected: String, isSecret: Bool = false, reading: @escaping (Scalar) -> Value?) {
        self.init(expected, isSecret: isSecret) { scalar throws(Mismatch) in
            guard let value = reading(scalar) else { throw Mismatch() }
            return value
        }
    }

    /// A kind whose values validate themselves.
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

    /// A path on this machine: `~` is the home directory, and a relative path is relative to the file.
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

    /// The URI of a database in PostgreSQL, unchanged, or the path of a file. A URI may have a password.
    static var journal: Kind {
        Kind(JournalName.expected) { scalar throws(Mismatch) in
            guard JournalName.isURI(scalar.text) else { return try Kind.path.parse(scalar) }
            let schemes = ["postgresql://", "postgres://"]
            guard schemes.contains(where: scalar.text.hasPrefix), Grammar.isOneLine(scalar.text) else {
                throw Mismatch(isSecret: true)
            }
            return scalar.text
        }
    }

    /// A path on a node.
    static func absolutePath(_ expected: String = "an absolute path") -> Kind {
        .text(expected) { $0.hasPrefix("/") && Grammar.isOneLine($0) }
    }

    /// A shell command, unchanged.
    static var command: Kind {
        .text("a command on one line") {
            Grammar.isOneLine($0) && !$0.allSatisfy(\.isWhitespace)
        }
    }

    static func dnsName(_ expected: String = "a DNS name") -> Kind {
        Kind(expected) { Grammar.isDNSName($0.text) ? $0.text.lowercased() : nil }
    }

    /// A host name with an optional port, as in a URL.
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
        let description =
            expected
            ?? (range.upperBound == .max
                ? "a whole number of at least \(range.lowerBound)"
                : "a whole number between \(range.lowerBound) and \(range.upperBound)")
        return Kind(description) { scalar in
            guard scalar.mayBeTyped, let number = Int(decimal: scalar.text) else { return nil }
            return range.contains(number) ? number : nil
        }
    }

    static func port(_ range: ClosedRange<Int> = 1...65535) -> Kind {
        .integer(range, "a port between \(range.lowerBound) and \(range.upperBound)")
    }
}

extension Kind where Value == Bool {
    /// The booleans of YAML 1.1, without `y` and `n`.
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

    /// How long the journal keeps what has ended.
    static var keep: Kind {
        Kind("a number of days from 90d to 3650d, such as 400d") { Duration(keep: $0.text) }
    }

    static func duration(atLeast least: Duration) -> Kind {
        Kind("a duration such as 30s, 10m or 1h, of at least \(least.text)") { scalar in
            Duration(text: scalar.text).flatMap { $0 < least ? nil : $0 }
        }
    }
}

extension Kind where Value == Secret {
    static var secret: Kind {
        Kind("a secret that is not empty", isSecret: true) { scalar in
            scalar.text.allSatisfy(\.isWhitespace) || !Grammar.isOneLine(scalar.text) ? nil : Secret(scalar.text)
        }
    }
}

extension Kind where Value == URL {
    static var url: Kind { url(example: "https://deploy.domain.com") }

    static func url(example: String) -> Kind {
        Kind("a URL such as \(example)") { scalar throws(Mismatch) in
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
    /// One of the raw values of an enumeration.
    static var choice: Kind {
        let values = Value.allCases.map(\.rawValue)
        return Kind(alternatives(values)) { scalar throws(Mismatch) in
            guard let value = Value(rawValue: scalar.text) else { throw Mismatch() }
            return value
        }
    }
}
