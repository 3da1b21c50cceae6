import ArgumentParser
import Foundation
import Server
import ViridianConfiguration

extension CompletionKind {
    /// Completes app names.
    static var app: CompletionKind { .custom { arguments, _, _ in ConfiguredNames.apps(completing: arguments) } }

    /// Completes the names of clusters.
    static var cluster: CompletionKind {
        .custom { arguments, _, _ in ConfiguredNames.clusters(completing: arguments) }
    }

    /// Completes the names of the destinations of notifications.
    static var destination: CompletionKind {
        .custom { arguments, _, _ in ConfiguredNames.destinations(completing: arguments) }
    }
}

/// Names in the configuration that `--config` names, or else in the default one; none if it cannot be read.
enum ConfiguredNames {
    static func apps(completing arguments: [String]) -> [String] {
        configuration(arguments)?.apps.map(\.name.text) ?? []
    }

    /// None where there is one cluster, without a name.
    static func clusters(completing arguments: [String]) -> [String] {
        guard let clusters = configuration(arguments)?.clusters, clusters.contains(where: { $0.name != nil }) else {
            return []
        }
        return clusters.map(\.label)
    }

    static func destinations(completing arguments: [String]) -> [String] {
        configuration(arguments).map(OutboxDestinations.names) ?? []
    }

    private static func configuration(_ arguments: [String]) -> Configuration? {
        let index = arguments.lastIndex(of: "--config").map { arguments.index(after: $0) }
        let named = index.flatMap { arguments.indices.contains($0) ? arguments[$0] : nil }
        return (try? ConfigurationFile.locate(explicit: named)).flatMap { try? Configuration.load(file: $0) }
    }
}
