/// The name of an app, validated: it names objects in the cluster and files on the nodes.
package struct AppName: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    /// The longest that leaves room for `-green` in a DNS label of 63.
    static let expected =
        "a name of at most 57 lower-case letters, digits and -, beginning with a letter and not ending with - (a DNS label)"

    package init(_ text: String) throws(InvalidValue) {
        // A Service's name begins with a letter (RFC 1035).
        guard Grammar.isDNSLabel(text, atMost: 57), text.first?.isNumber == false else {
            throw InvalidValue(field: "app", expected: Self.expected, found: text)
        }
        self.text = text
    }

    package var description: String { text }
}

extension AppName: Comparable {
    package static func < (first: AppName, second: AppName) -> Bool { first.text < second.text }
}

/// The version of an app, validated: it is the tag of its image.
package struct Version: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    static let expected =
        "a version of at most 128 letters, digits, _, . and -, beginning with a letter, a digit or _ (an image tag)"

    package init(_ text: String) throws(InvalidValue) {
        guard Grammar.isTag(text) else { throw InvalidValue(field: "version", expected: Self.expected, found: text) }
        self.text = text
    }

    package var description: String { text }

    /// The version as the value of a Kubernetes label: these are shorter than tags (63) and begin and end with a letter or
    /// a digit. Only for people to read; two versions may share one.
    package var labelValue: String {
        func isEdge(_ byte: UInt8) -> Bool { Grammar.isAlphanumeric(byte) }
        var bytes = text.utf8.drop { !isEdge($0) }.prefix(63)
        while let last = bytes.last, !isEdge(last) { bytes = bytes.dropLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Why a person did something, in their words, fit for one line of a log.
package struct Reason: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    /// Control and formatting characters become spaces; more than 500 characters are refused.
    package init(_ text: String) throws(InvalidValue) {
        guard text.unicodeScalars.count <= 500 else {
            throw InvalidValue(field: "reason", expected: "at most 500 characters", found: text)
        }
        let scalars = text.unicodeScalars.map { scalar -> Unicode.Scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: " "
            default: scalar
            }
        }
        self.text = String(String.UnicodeScalarView(scalars))
    }

    package var description: String { text }
}

/// How many pods a release shall run.
package enum Replicas {
    package static let range = 1...10_000

    static let expected = "a whole number between 1 and 10000"

    package static func validate(_ number: Int) throws(InvalidValue) -> Int {
        guard range.contains(number) else {
            throw InvalidValue(field: "replicas", expected: expected, foundNumber: number)
        }
        return number
    }

    package static func validate(_ text: String) throws(InvalidValue) -> Int {
        guard let number = Int(decimal: text), range.contains(number) else {
            throw InvalidValue(field: "replicas", expected: expected, found: text)
        }
        return number
    }
}

/// The address of a node, validated: it becomes an argument of ssh and part of paths and commands.
package enum NodeAddress {
    package static func validate(_ text: String) throws(InvalidValue) -> String {
        guard Grammar.isNodeAddress(text) else {
            throw InvalidValue(field: "node", expected: expected, found: text)
        }
        return text
    }

    static let expected = "an IP address or a host name"
}

extension Int {
    /// Digits with an optional `-` and nothing else: no `+`, no leading zeros, which would be octal to some.
    init?(decimal text: String) {
        guard let number = Int(text), String(number) == text else { return nil }
        self = number
    }
}
