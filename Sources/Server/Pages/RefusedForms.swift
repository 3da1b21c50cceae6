import Foundation
import NIOConcurrencyHelpers

/// Forms that were sent and not taken, with what was wrong with them: until whoever sent one has seen it, on a page that can be loaded
/// again without sending anything.
final class RefusedForms: Sendable {
    struct Entry: Sendable {
        var form: DeployForm
        var message: String
    }

    private struct Kept: Sendable {
        var entry: Entry
        var app: String
        var token: String
        var until: ContinuousClock.Instant
    }

    /// How long somebody may take to correct a form.
    private static let life = Duration.seconds(3600)
    private static let most = 500

    private let kept = NIOLockedValueBox<[String: Kept]>([:])

    /// - Returns: by what it is found again.
    func keep(_ entry: Entry, of app: String, token: String) -> String {
        let id = UUID().uuidString.lowercased()
        let now = ContinuousClock.now
        kept.withLockedValue { kept in
            kept = kept.filter { $0.value.until > now }
            if kept.count >= RefusedForms.most, let oldest = kept.min(by: { $0.value.until < $1.value.until }) {
                kept[oldest.key] = nil
            }
            kept[id] = Kept(entry: entry, app: app, token: token, until: now + RefusedForms.life)
        }
        return id
    }

    /// What this visitor sent for this app.
    func find(_ id: String, of app: String, token: String) -> Entry? {
        kept.withLockedValue { $0[id] }.flatMap { $0.app == app && $0.token == token ? $0.entry : nil }
    }
}
