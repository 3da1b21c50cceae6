import Controller
import ReleaseMachine
import ViridianConfiguration

/// What `deploy --dry-run` says: what a release that began now would find, and what it would do.
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
    /// The image of the colour that is live.
    var liveImage: String?
    var color: Color
    var previous: LiveVersion?
    /// `nil` where nothing is live to count from.
    var replicas: Int?
    var verify: Bool?
    var nodes: [Node]
    /// What stands in the way, each in one sentence; empty when nothing is known to.
    var obstacles: [String]
    /// Another release of the app has not ended.
    var isBusy: Bool

    init(_ request: AppReleases.Request, image: String?, _ view: AppView) {
        app = view.app
        version = request.version.text
        self.image = image
        let live = view.live
        previous = live.map { LiveVersion(color: $0.color, version: $0.version) }
        color = live?.color.other ?? .blue
        let serving = live.flatMap { view.colors[$0.color.rawValue] }
        liveImage = serving?.image
        replicas = request.replicas ?? serving?.replicas
        verify = request.verify
        nodes = view.nodes.map { Node(address: $0.address, color: $0.color, message: $0.message) }
        let open = view.release.flatMap { $0.endedAt == nil ? $0 : nil }
        isBusy = open != nil
        obstacles = []
        if let open {
            obstacles.append(
                "\(app)/\(open.number) (\(open.version)) has not ended: it is \(open.state) in phase \(open.phase)")
        }
        if let trouble = view.trouble { obstacles.append("the cluster could not be asked: \(trouble)") }
        // Between two releases, what awaits a person stands in the way of the next one.
        if !isBusy { obstacles += view.advice }
    }

    var lines: [String] {
        let before = previous.map { "\($0.version) on \($0.color) is live" } ?? "nothing is live yet"
        let size = replicas.map { " with \(counted($0, "replica"))" } ?? ""
        var lines = ["\(app): \(before); \(version) would be created on \(color)\(size)"]
        if let image {
            lines.append(
                "  image  " + (liveImage.map { $0 == image ? "\(image), as now" : "\($0) → \(image)" } ?? image))
        }
        for node in nodes {
            let now = node.message ?? node.color.map { "routes to \($0)" } ?? "is not known"
            lines.append("  node   \(node.address): \(now); would be switched to \(color)")
        }
        if verify == true { lines.append("  pause  before the switch, until somebody promotes") }
        lines += obstacles.map { "  in the way: \($0)" }
        lines.append("Nothing was done. viridian check looks at all that a release needs")
        return lines
    }
}
