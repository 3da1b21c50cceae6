import Controller
import Integrations
import Journal
import ReleaseMachine
import ViridianConfiguration

/// What one attempt to act on a delivery has come to. What is decided for some apps stays, whatever happens with the others.
struct DeliveryAttempt: Sendable {
    /// What is not decided yet.
    struct Postponed: Sendable {
        /// One sentence: what it waits for.
        var waits: String
        /// How long nobody wants to be asked again.
        var least: Duration = .zero
        /// The result when it is given up; `nil`: it concerned nobody.
        var givenUp: DeliveryResult?
    }

    var results: [DeliveryResult] = []
    /// The versions that are known from the delivery.
    var versions: [PushedVersion] = []
    var postponed: [Postponed] = []
    /// Why apps are not concerned.
    var foreign: [String] = []

    /// A delivery is acted on so often, within about a quarter of an hour: longer than it takes until the registry's tags are listed again.
    static let most = 14
    /// The sum of the pauses between them, for people.
    static let longest = "14 minutes"

    /// The pause after the attempt `count`.
    func pause(after count: Int) -> Duration {
        let wait = min(Duration.seconds(1) * (1 << min(count - 1, 7)), .seconds(120))
        return postponed.reduce(wait) { max($0, $1.least) }
    }

    var waits: String { postponed.map(\.waits).unique.joined(separator: "; ") }

    /// Nothing is awaited any more.
    mutating func giveUp() {
        results += postponed.compactMap(\.givenUp)
        foreign += postponed.filter { $0.givenUp == nil }.map(\.waits)
        postponed = []
    }

    /// What has become of the delivery as a whole, where it has no results.
    var outcome: String {
        let why = foreign.unique.joined(separator: "; ")
        return why.isEmpty ? "it concerns no app" : "it concerns no app: \(why)".cut(1000)
    }

    // MARK: - What was decided before

    /// Whether an earlier attempt has decided about an event for an app.
    static func isDecided(_ event: HookEvent, for app: AppConfiguration, _ delivery: Delivery) -> Bool {
        delivery.results.contains { result in
            guard result.app == app.name.text else { return false }
            // A pipeline or a deployment comes alone, and means one version of an app.
            guard case .pushed(let image) = event else { return true }
            return result.version == image.tag
        }
    }
}

extension HookEvent {
    /// Who caused it, as the sender names them.
    var by: String? {
        switch self {
        case .pushed(let image): image.by
        case .built(let pipeline): pipeline.by
        case .deploymentRequested(let deployment): deployment.by
        }
    }

    /// The version that it means, as far as its name is known.
    var versionName: String {
        if case .pushed(let image) = self { return image.tag }
        return BuiltCommit(self)?.name ?? ""
    }
}

extension Sequence<String> {
    /// Without repetitions, in the same order.
    fileprivate var unique: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
