import Foundation

/// A time zone by its name in the IANA database, such as `Europe/Berlin`.
///
/// The rules are those of Foundation's ICU, which is part of the program: the machine needs no `tzdata`, and newer rules come with a newer
/// Swift (`TimeZone.timeZoneDataVersion`).
package struct IANATimeZone: Sendable, Hashable, CustomStringConvertible {
    package let name: String
    let rules: TimeZone

    package static let utc = IANATimeZone(name: "UTC", rules: .gmt)

    static let expected = "a time zone of the IANA database such as Europe/Berlin, or UTC"

    private init(name: String, rules: TimeZone) {
        self.name = name
        self.rules = rules
    }

    /// - Throws: `InvalidValue` for any other name, abbreviations such as `CEST` and `EST` included: many have more than one meaning.
    package init(_ name: String) throws(InvalidValue) {
        try self.init(name, known: TimeZone.knownTimeZoneIdentifiers)
    }

    init(_ name: String, known: [String]) throws(InvalidValue) {
        if name == Self.utc.name {
            self = .utc
            return
        }
        guard !known.isEmpty else {
            throw InvalidValue(
                field: "timeZone",
                expected:
                    "UTC, because this build of viridian contains no other time zone (Foundation's ICU has no data)",
                found: name)
        }
        guard name.contains("/"), let rules = TimeZone(identifier: name) else {
            let hint = Self.suggestion(for: name, known).map { " (did you mean \($0)?)" } ?? ""
            throw InvalidValue(field: "timeZone", expected: Self.expected + hint, found: name)
        }
        self.init(name: name, rules: rules)
    }

    /// By the whole name, or by the city alone.
    private static func suggestion(for name: String, _ known: [String]) -> String? {
        let name = name.replacing(" ", with: "_")
        let cities = known.map { (city: String($0.split(separator: "/").last ?? ""), name: $0) }
        return cities.first { $0.city.lowercased() == name.lowercased() }?.name
            ?? Suggestion.nearest(to: name, among: known)
    }

    package var description: String { name }
}
