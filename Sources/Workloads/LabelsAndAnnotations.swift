import Controller
import ReleaseMachine

/// The labels that Viridian sets on objects in the cluster. The names are an interface and do not change.
enum Label {
    static let managedBy = "app.kubernetes.io/managed-by"
    static let version = "app.kubernetes.io/version"
    static let viridian = "viridian"
}

/// The annotations that Viridian sets on objects in the cluster. The names are an interface and do not change.
enum Annotation {
    /// On a workload: the number of the release that created it. On the lease: of the release that made the live colour live.
    static let release = "viridian.dev/release"
    /// On a workload: the full version; a label is limited to 63 characters.
    static let version = "viridian.dev/version"
    static let liveColor = "viridian.dev/live-color"
    static let liveVersion = "viridian.dev/live-version"
    /// On the lease: the highest release number so far, live or not.
    static let lastRelease = "viridian.dev/last-release"
    /// On the lease: the newest event that the journal has acknowledged, as release, event and time: `42/23@2026-11-27T07:15:03.120Z`.
    static let journal = "viridian.dev/journal"
}

extension JournalEnd {
    var annotation: String { "\(release)/\(sequence)@\(at.iso8601)" }

    /// `nil` if it is not valid, since other clients can write any text there.
    init?(annotation text: String) {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        let numbers = parts.first?.split(separator: "/", omittingEmptySubsequences: false).map(String.init) ?? []
        guard parts.count == 2, numbers.count == 2, let release = Int(releaseNumber: numbers[0]),
            let sequence = Int(releaseNumber: numbers[1]), release > 0, sequence > 0,
            let at = Timestamp(iso8601: String(parts[1]))
        else { return nil }
        self.init(release: release, sequence: sequence, at: at)
    }
}

extension Int {
    /// A release number in an annotation; `nil` if it is not valid, since other clients can write any text there.
    init?(releaseNumber text: String) {
        guard let number = Int(text), (0..<Order.highestNumber).contains(number) else { return nil }
        self = number
    }
}
