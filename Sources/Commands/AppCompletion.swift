import ArgumentParser
import Foundation
import ViridianConfiguration

extension CompletionKind {
    /// Names of apps.
    static var app: CompletionKind { .custom { words, _, _ in AppNames.completing(words) } }
}

enum AppNames {
    /// From the configuration that the words name, or the one that would be found without; none where it cannot be read.
    static func completing(_ words: [String]) -> [String] {
        let place = words.lastIndex(of: "--config").map { words.index(after: $0) }
        let named = place.flatMap { words.indices.contains($0) ? words[$0] : nil }
        guard let path = try? ConfigurationFile.locate(explicit: named),
            let configuration = try? Configuration.load(file: path)
        else { return [] }
        return configuration.apps.map(\.name.text)
    }
}
