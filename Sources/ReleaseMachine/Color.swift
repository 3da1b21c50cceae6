/// One of the two colours of an app. At most one is live; the other is the candidate's.
package enum Color: String, Sendable, Hashable, Codable, CaseIterable, CustomStringConvertible {
    case blue
    case green

    package var other: Color { self == .blue ? .green : .blue }
    package var description: String { rawValue }
}
