import Controller

/// Tracks a lost connection to the server while a release is followed: reports the loss once and fails after `retryLimit`.
///
/// The release itself continues on the server.
struct ServerOutage {
    let release: String
    let retryLimit: Duration
    private var since: ContinuousClock.Instant?
    private var isReported = false

    /// `release` is its name, such as `blog/44`.
    init(release: String, retryLimit: Duration) {
        self.release = release
        self.retryLimit = retryLimit
    }

    /// A stream that ended without an error is reported as lost only after this time.
    private static let grace: Duration = .seconds(1)

    /// Records that the connection failed with `error`, or that the server ended the stream.
    /// - Throws: `ServerLost` when `retryLimit` has passed.
    mutating func lost(_ error: (any Error)? = nil) throws {
        let start = since ?? .now
        since = start
        if !isReported, error != nil || .now - start > Self.grace {
            isReported = true
            // Within a sentence, also what has several lines.
            let cause = error.map { " (\("\($0)".split(separator: "\n").joined(separator: "; ")))" } ?? ""
            printError(
                "viridian: lost the connection to the server\(cause), retrying; \(release) continues there (viridian logs \(release) --follow)"
            )
        }
        guard .now - start > retryLimit else { return }
        let cause = error.map { "\($0)" } ?? "the server ends the stream without an event"
        throw ServerLost(release: release, cause: cause)
    }

    /// Records that the server sent something.
    mutating func end() {
        if isReported { printError("viridian: reconnected to the server") }
        (since, isReported) = (nil, false)
    }
}

/// The connection to the server was lost for too long; the release's state is not known here.
struct ServerLost: Error, CustomStringConvertible {
    var release: String
    var cause: String

    var description: String {
        let app = release.split(separator: "/").first.map(String.init) ?? release
        return
            "lost the connection to the server: \(cause)\n\(release) continues there, or when the server starts again. "
            + "Its state: viridian show \(release), viridian status \(app)"
    }
}
