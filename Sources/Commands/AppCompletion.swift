import ArgumentParser
import Foundation
import ViridianConfiguration

extension CompletionKind {
    /// Names of apps, from the configuration that the words name or the one that would be found without.
    static var app: CompletionKind {
        .custom { words, _, _ in
            let named = words.lastIndex(of: "--config").map { words.index(after: $0) }.flatMap {
                $0 < words.endIndex ? words[$0] : nil
            }
            guard let path = try? ConfigurationFile.locate(explicit: named),
                let configuration = try? Configuration.load(file: path)
            else { return [] }
            return configuration.apps.map(\.name.text)
        }
    }
}
