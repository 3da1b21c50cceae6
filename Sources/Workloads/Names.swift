import ReleaseMachine

/// What Viridian writes into objects of the cluster: the contract's outward names.
enum Label {
    static let managedBy = "app.kubernetes.io/managed-by"
    static let version = "app.kubernetes.io/version"
    static let viridian = "viridian"
}

enum Annotation {
    /// On a workload: the number of the release that made it. On the lease: of the release that made its colour live.
    static let release = "viridian.dev/release"
    /// On a workload: the version in full; a label holds 63 characters at most.
    static let version = "viridian.dev/version"
    static let liveColor = "viridian.dev/live-color"
    static let liveVersion = "viridian.dev/live-version"
    /// On the lease: the highest number that any release has had, live or not.
    static let lastRelease = "viridian.dev/last-release"
}

extension Int {
    /// The number of a release as an annotation has it. Anybody who may write the object may write anything there.
    init?(releaseNumber text: String) {
        guard let number = Int(text), (0..<Order.highestNumber).contains(number) else { return nil }
        self = number
    }
}
