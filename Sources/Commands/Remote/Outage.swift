import Controller

/// A server that does not answer while a release is watched: said when it has gone, and the end of it after so long.
///
/// The release is the server's and goes on with it; only the watching is at stake.
struct Outage {
    let release: String
    let patience: Duration
    private var since: ContinuousClock.Instant?
    private var isSaid = false

    /// `release` is its name, such as `blog/44`.
    init(release: String, patience: Duration) {
        self.release = release
        self.patience = patience
    }

    /// A stream that ends is opened again at once; only then is anything said.
    private static let grace: Duration = .seconds(1)

    /// The server has gone, or ended the stream; `error` is what it said or did not say.
    /// - Throws: when that has been so for too long.
    mutating func lost(_ error: (any Error)? = nil) throws {
        let start = since ?? .now
        since = start
        if !isSaid, error != nil || .now - start > Self.grace {
            isSaid = true
            let cause = error.map { " (\($0))" } ?? ""
            complain(
                "viridian: lost the server\(cause), retrying; \(release) goes on there (viridian logs \(release) --follow)"
            )
        }
        guard .now - start > patience else { return }
        let cause = error.map { "\($0)" } ?? "it ends the stream without an event"
        throw LostServer(release: release, cause: cause)
    }

    /// Something came from it.
    mutating func end() {
        if isSaid { complain("viridian: the server is back") }
        (since, isSaid) = (nil, false)
    }
}

/// The release is known to the server, and what became of it is not known here.
struct LostServer: Error, CustomStringConvertible {
    var release: String
    var cause: String

    var description: String {
        let app = release.split(separator: "/").first.map(String.init) ?? release
        return
            "lost the server, and it did not come back: \(cause)\n\(release) goes on there, or when the server starts again. "
            + "How it stands: viridian show \(release), viridian status \(app)"
    }
}
