import Foundation
import Server

extension Installation {
    /// The destinations of notifications. Whoever opens them closes them.
    func destinations() throws -> [any OutboxDestination] {
        try OutboxDestinations.all(
            configuration, journal: journal, variables: ProcessInfo.processInfo.environment)
    }
}
