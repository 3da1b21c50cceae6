/// One pod of the candidate.
package struct PodSummary: Sendable, Hashable, Codable {
    package var name: String
    package var isReady: Bool
    /// Why it is not ready yet, in one sentence; `nil` when no reason is known.
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
    /// What delays the pods and shows on no pod: a quota, an admission webhook.
    package var warnings: [String]
    /// What the ready pods run, as the container runtimes report it; `nil` where none did.
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

/// An image that ready pods run. A tag that was pushed again between two pulls is two images.
package struct RunningImage: Sendable, Hashable, Codable {
    /// The reference in the pods' spec.
    package var image: String
    /// The digest that the container runtime reports, `sha256:…`; empty where it reports none.
    package var id: String
    /// How many pods run it.
    package var pods: Int

    package init(image: String, id: String, pods: Int) {
        self.image = image
        self.id = id
        self.pods = pods
    }
}
