import ReleaseMachine

extension ReleaseLock {
    /// A lock in one sentence, wherever it is told: `blog is locked for automatic releases until 2026-11-30 08:00 UTC by anna: reason`. Without
    /// an app it is that of all.
    package static func sentence(
        _ app: String?, isAutomatic: Bool, until: Timestamp?, by: String, reason: String
    ) -> String {
        let apps = app.map { "\($0) is" } ?? "all apps are"
        let what = isAutomatic ? " for automatic releases" : ""
        let end = until.map { " until \($0.minuteTime)" } ?? ""
        return "\(apps) locked\(what)\(end) by \(by): \(reason)"
    }
}
