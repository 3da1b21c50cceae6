/// One of the two colours of an app. One of them is live, the other is where the next version comes up.
package enum Color: String, Sendable, Hashable, Codable, CaseIterable, CustomStringConvertible {
    case blue
    case green

    package var other: Color { self == .blue ? .green : .blue }
    package var description: String { rawValue }
}
