/// The validated name of an app, used for objects in the cluster and files on the nodes.
package struct AppName: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    /// 57 characters leave room for `-green` in a DNS label of 63.
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

/// The validated version of an app: the tag of its image.
package struct Version: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    static let expected =
        "a version of at most 128 letters, digits, _, . and -, beginning with a letter, a digit or _ (an image tag)"

    package init(_ text: String) throws(InvalidValue) {
        guard Grammar.isTag(text) else { throw InvalidValue(field: "version", expected: Self.expected, found: text) }
        self.text = text
    }

    package var description: String { text }

    /// The version as the value of a Kubernetes label: at most 63 characters, beginning and ending with a letter or a digit. Only for
    /// display: two versions may have the same label.
    package var labelValue: String {
        func isEdge(_ byte: UInt8) -> Bool { Grammar.isAlphanumeric(byte) }
        var bytes = text.utf8.drop { !isEdge($0) }.prefix(63)
        while let last = bytes.last, !isEdge(last) { bytes = bytes.dropLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A person's reason for a command, on one line.
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

/// The number of pods of a release.
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

/// The validated address of a node: an argument of ssh and part of paths and commands.
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
    /// Digits with an optional `-`; without `+` and leading zeros, which some programs read as octal.
    init?(decimal text: String) {
        guard let number = Int(text), String(number) == text else { return nil }
        self = number
    }
}
