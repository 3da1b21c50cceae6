import Controller
import Journal
import ReleaseMachine

/// What a sender is answered.
package struct DeliveryAnswer: Codable, Sendable {
    package var delivery: Int
    /// `blog/42`: the releases that began.
    package var releases: [String]?
    package var queued: [QueuedAnswer]?
    /// Why nothing starts.
    package var ignored: String?

    init(delivery: Int, releases: [String] = [], queued: [QueuedAnswer] = [], ignored: String? = nil) {
        self.delivery = delivery
        self.releases = ignored != nil && releases.isEmpty ? nil : releases
        self.queued = ignored == nil ? queued : nil
        self.ignored = ignored
    }
}

/// A version that waits, in an answer to its sender.
package struct QueuedAnswer: Codable, Sendable, Hashable {
    package var app: String
    package var version: String
    /// What it waits for, one sentence.
    package var waits: String
}

/// A delivery in the inbox, as the outside sees it.
package struct DeliveryView: Codable, Sendable, Hashable {
    package enum State: String, Codable, Sendable, Hashable {
        /// It is in the inbox, and is to be acted on, now or again.
        case received
        /// A version waits in the queue because of it.
        case waiting
        /// Releases began because of it.
        case done
        case ignored
        case failed
    }

    package struct ResultView: Codable, Sendable, Hashable {
        package var app: String
        package var version: String
        /// A version that is about to start is one that waits.
        package var state: DeliveryResult.State
        package var sentence: String
        /// `blog/42`: the release that it started, or that there was already.
        package var release: String?
    }

    package var id: Int
    package var receivedAt: String
    package var sender: String
    package var kind: String
    package var origin: String
    /// The sender's own id.
    package var key: String?
    package var state: State
    /// What became of it, one sentence.
    package var outcome: String?
    /// `blog/42`: the releases that it started, or that there were already.
    package var releases: [String]
    package var queued: [QueuedAnswer]
    package var results: [ResultView]

    /// With `apps`, only what concerns these apps.
    package init(_ delivery: Delivery, apps: [String]? = nil) {
        let results = delivery.results.filter { apps?.contains($0.app) ?? true }
        id = delivery.id
        receivedAt = delivery.at.iso8601
        sender = delivery.sender
        kind = delivery.kind
        origin = delivery.origin
        key = delivery.sender == DeliveryProcessor.script ? nil : delivery.key
        self.results = results.map {
            ResultView(
                app: $0.app, version: $0.version, state: $0.state == .starting ? .waiting : $0.state,
                sentence: $0.sentence, release: $0.release)
        }
        releases = results.compactMap(\.release)
        queued = results.filter { $0.state == .waiting || $0.state == .starting }.map {
            QueuedAnswer(app: $0.app, version: $0.version, waits: $0.sentence)
        }
        state =
            if delivery.nextAt != nil {
                .received
            } else if !queued.isEmpty {
                .waiting
            } else if results.contains(where: { $0.state == .started }) {
                .done
            } else if delivery.isGivenUp || results.contains(where: { $0.state == .failed }) {
                .failed
            } else {
                .ignored
            }
        // For some apps it may be decided, while others wait.
        let waits = delivery.nextAt != nil && apps == nil ? delivery.outcome : nil
        outcome =
            results.isEmpty
            ? delivery.outcome : (results.map(\.sentence) + [waits].compactMap(\.self)).joined(separator: "; ")
    }

    /// The releases that it started.
    var started: [String] { results.filter { $0.state == .started }.compactMap(\.release) }
}

extension DeliveryResult {
    fileprivate var release: String? { number.map { "\(app)/\($0)" } }
}

/// Newest first. `next` is the value of `before` for the next page; `nil` on the last one.
package struct DeliveryList: Codable, Sendable {
    package var deliveries: [DeliveryView]
    package var next: Int?
}
