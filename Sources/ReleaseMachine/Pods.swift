/// One pod of the candidate, as a person needs to see it.
package struct PodSummary: Sendable, Hashable, Codable {
    package var name: String
    package var isReady: Bool
    /// Why it is not ready yet, in one sentence; `nil` when there is nothing to say.
    package var reason: String?
    package var restarts: Int

    package init(name: String, isReady: Bool, reason: String? = nil, restarts: Int = 0) {
        self.name = name
        self.isReady = isReady
        self.reason = reason
        self.restarts = restarts
    }
}

/// All pods of the candidate at one moment.
package struct PodsReport: Sendable, Hashable, Codable {
    package var ready: Int
    package var desired: Int
    package var pods: [PodSummary]
    /// What holds the pods up though no pod tells it: a quota, an admission webhook.
    package var warnings: [String]
    /// What the ready pods run, as their machines' container runtimes say it; `nil` where nobody told.
    package var images: [RunningImage]?

    package init(
        ready: Int, desired: Int, pods: [PodSummary], warnings: [String] = [], images: [RunningImage]? = nil
    ) {
        self.ready = ready
        self.desired = desired
        self.pods = pods
        self.warnings = warnings
        self.images = images
    }
}

/// An image that ready pods run. One tag that was pushed again between two pulls is two of them.
package struct RunningImage: Sendable, Hashable, Codable {
    /// The reference in the pods' spec.
    package var image: String
    /// The digest by which the container runtime knows it, `sha256:…`; empty where it told none.
    package var id: String
    /// How many pods run it.
    package var pods: Int

    package init(image: String, id: String, pods: Int) {
        self.image = image
        self.id = id
        self.pods = pods
    }
}
