import ArgumentParser
import Foundation
import ViridianConfiguration

extension CompletionKind {
    /// Completes app names.
    static var app: CompletionKind { .custom { arguments, _, _ in AppNames.completing(arguments) } }
}

enum AppNames {
    /// The app names of the configuration that `--config` names, or else of the default one; empty if it cannot be read.
    static func completing(_ arguments: [String]) -> [String] {
        let index = arguments.lastIndex(of: "--config").map { arguments.index(after: $0) }
        let named = index.flatMap { arguments.indices.contains($0) ? arguments[$0] : nil }
        guard let path = try? ConfigurationFile.locate(explicit: named),
            let configuration = try? Configuration.load(file: path)
        else { return [] }
        return configuration.apps.map(\.name.text)
    }
}
