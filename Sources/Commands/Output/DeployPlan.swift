import Controller
import ReleaseMachine
import ViridianConfiguration

/// The output of `deploy --dry-run`: what a release that started now would find and do.
struct DeployPlan: Encodable {
    struct Node: Encodable {
        var address: String
        var color: Color?
        var message: String?
    }

    var app: String
    var version: String
    /// `nil` where only the server knows the app's image.
    var image: String?
    /// The live colour's image.
    var liveImage: String?
    var color: Color
    var previous: LiveVersion?
    /// `nil` if it was not given and nothing is live.
    var replicas: Int?
    var verify: Bool?
    /// The number of people who have to promote it; `nil`: anybody can.
    var approvalsNeeded: Int?
    var nodes: [Node]
    /// What blocks the release, each in one sentence; empty if nothing is known to.
    var obstacles: [String]
    /// Whether another release of the app has not ended.
    var isBusy: Bool
    /// The cluster could not be read: what is live may be another colour than it seems. Programs see the obstacle.
    private var isLiveUnknown: Bool

    private enum CodingKeys: CodingKey {
        case app, version, image, liveImage, color, previous, replicas, verify, approvalsNeeded, nodes, obstacles,
            isBusy
    }

    init(_ request: AppReleases.Request, image: String?, _ view: AppView) {
        app = view.app
        version = request.version.text
        self.image = image
        let routed = Self.routed(view)
        previous = view.live.map { LiveVersion(color: $0.color, version: $0.version) } ?? Self.unrecorded(view)
        color = previous?.color.other ?? routed ?? .blue
        let serving = previous.flatMap { view.colors[$0.color.rawValue] }
        liveImage = serving?.image
        replicas = request.replicas ?? serving?.replicas
        verify = request.verify
        approvalsNeeded = view.approvalsNeeded
        nodes = view.nodes.map { Node(address: $0.address, color: $0.color, message: $0.message) }
        let open = view.release.flatMap { $0.endedAt == nil ? $0 : nil }
        isBusy = open != nil
        isLiveUnknown = view.problem != nil && view.live == nil
        obstacles = []
        if let open {
            obstacles.append(
                "\(app)/\(open.number) (\(open.version)) has not ended: it is \(open.state) in phase \(open.phase)")
        }
        if request.requester == .person(overridesHolds: false) {
            obstacles += view.holds.filter { !$0.automatic }.map(\.sentence)
            if request.verify == false, let needed = ApprovalsNeeded(view) { obstacles.append(needed.rule) }
        }
        if let problem = view.problem { obstacles.append("the cluster could not be read: \(problem)") }
        // Without a running release, what needs a person's attention blocks the next one.
        if !isBusy { obstacles += view.advice }
    }

    /// The colour to which all nodes route.
    private static func routed(_ view: AppView) -> Color? {
        let colors = Set(view.nodes.map(\.color))
        return colors.count == 1 ? colors.first ?? nil : nil
    }

    /// What serves an app that another tool has released so far: the cluster has recorded nothing yet (as `LiveColorResolver`).
    private static func unrecorded(_ view: AppView) -> LiveVersion? {
        guard let color = routed(view), let workload = view.colors[color.rawValue] else { return nil }
        return LiveVersion(color: color, version: workload.version)
    }

    var lines: [String] {
        let before =
            previous.map { "\($0.version) on \($0.color) is live" }
            ?? (isLiveUnknown ? "what is live is unknown" : "nothing is live yet")
        let size = replicas.map { " with \(counted($0, "replica"))" } ?? ""
        let place = isLiveUnknown ? "the colour that is not" : "\(color)"
        var lines = ["\(app): \(before); \(version) would be created on \(place)\(size)"]
        if let image {
            lines.append(
                "  image  " + (liveImage.map { $0 == image ? "\(image), unchanged" : "\($0) → \(image)" } ?? image))
        }
        for node in nodes {
            let now = node.message ?? node.color.map { "routes to \($0)" } ?? "unknown"
            lines.append("  node   \(node.address): \(now)" + (isLiveUnknown ? "" : "; would be switched to \(color)"))
        }
        if verify ?? (approvalsNeeded != nil) { lines.append("  pause  before the switch, until promoted") }
        lines += obstacles.map { "  blocked: \($0)" }
        lines.append("Nothing was changed. viridian check checks everything a release depends on")
        return lines
    }
}
