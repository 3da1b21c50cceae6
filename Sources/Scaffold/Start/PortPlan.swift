import ViridianConfiguration

/// The convention for NodePorts: from 30000 up in tens, blue ends in 0 and green in 1.
package enum PortPlan {
    /// The end of the range that Kubernetes gives out by default.
    private static let range = 30000...32767

    /// The first pair of which nobody has either; `taken` says who has a port. Throws `ScaffoldError` when every pair is taken.
    package static func next(taken: [Int: String] = [:]) throws(ScaffoldError) -> (blue: Int, green: Int) {
        for blue in stride(from: range.lowerBound, to: range.upperBound, by: 10)
        where taken[blue] == nil && taken[blue + 1] == nil {
            return (blue, blue + 1)
        }
        throw ScaffoldError("every pair of ports from \(range.lowerBound) to \(range.upperBound) is in use")
    }

    /// The ports of these apps.
    package static func taken(by apps: [AppConfiguration]) -> [Int: String] {
        apps.reduce(into: [:]) { taken, app in
            for port in [app.ports.blue, app.ports.green] { taken[port] = "app \(app.name)" }
        }
    }
}
