import Foundation
import NIOConcurrencyHelpers

/// Deploy forms that were refused, with the error. They are kept for an hour, so that the page that shows one can be reloaded without
/// sending the form again.
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

    private static let life = Duration.seconds(3600)
    private static let most = 500

    private let kept = NIOLockedValueBox<[String: Kept]>([:])

    /// - Returns: the id for `find`.
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

    /// The form that was sent for this app with this token.
    func find(_ id: String, of app: String, token: String) -> Entry? {
        kept.withLockedValue { $0[id] }.flatMap { $0.app == app && $0.token == token ? $0.entry : nil }
    }
}
