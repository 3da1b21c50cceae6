import Controller
import Kubernetes
import ReleaseMachine

/// The candidate's pods: those that belong to its workload and run the release's image.
///
/// Labels are not enough. A controller adopts every pod without an owner that its selector matches and creates that many fewer, and a
/// service sends requests to every pod that it selects.
struct CandidatePods {
    let app: String
    let color: Color
    let image: ImageMatch
    private var pods: [String: JSON] = [:]
    private var workload: JSON?
    private var hasSeenPods = false
    private var hasSeenWorkload = false

    init(_ order: Order, on color: Color) {
        app = order.app
        self.color = color
        image = ImageMatch(wanted: order.image, versionLabel: CandidateWorkload.versionLabel(of: order))
    }

    /// Whether both watches have delivered their first snapshot.
    var isKnown: Bool { hasSeenPods && hasSeenWorkload }

    mutating func apply(pods event: WatchEvent) {
        switch event {
        case .snapshot(let list):
            pods = Dictionary(list.items.map { ($0.name ?? "", $0) }) { $1 }
            hasSeenPods = true
        case .added(let pod), .modified(let pod): pods[pod.name ?? ""] = pod
        case .deleted(let pod): pods[pod.name ?? ""] = nil
        case .interrupted, .resumed: return
        }
    }

    mutating func apply(workload event: WatchEvent) {
        switch event {
        case .snapshot(let list):
            workload = list.items.first
            hasSeenWorkload = true
        case .added(let object), .modified(let object): workload = object
        case .deleted: workload = nil
        case .interrupted, .resumed: return
        }
    }

    // MARK: - Ownership

    /// The names of the containers with the release's image.
    private var containers: Set<String> {
        guard let workload else { return [] }
        let label = workload[at: "spec.template.metadata.labels"]?[Label.version]?.string
        return Set(
            (workload[at: "spec.template.spec"] ?? [:]).allContainers.compactMap { container in
                guard let found = container["image"]?.string, image.matches(found, versionLabel: label) else {
                    return nil
                }
                return container["name"]?.string
            })
    }

    private func runsTheImage(_ pod: JSON, _ names: Set<String>) -> Bool {
        let label = pod[at: "metadata.labels"]?[Label.version]?.string
        let own = (pod["spec"] ?? [:]).allContainers.filter { names.contains($0["name"]?.string ?? "") }
        return own.count == names.count && !names.isEmpty
            && own.allSatisfy { image.matches($0["image"]?.string ?? "", versionLabel: label) }
    }

    /// The candidate's pods.
    var members: [JSON] {
        guard let workload else { return [] }
        let names = containers
        return pods.values.filter { $0.isPod(of: workload) && runsTheImage($0, names) }
    }

    /// Pods that belong to the workload but run another image: adopted, or changed since.
    private var podsWithOtherImage: [JSON] {
        guard let workload else { return [] }
        let names = containers
        return sorted(pods.values.filter { $0.mayServe && $0.isPod(of: workload) && !runsTheImage($0, names) })
    }

    /// Pods that do not belong to the workload but receive requests from the colour's service.
    private var strays: [JSON] {
        sorted(pods.values.filter { pod in pod.mayServe && workload.map { !pod.isPod(of: $0) } ?? true })
    }

    private func sorted(_ pods: [JSON]) -> [JSON] { pods.sorted { $0.name ?? "" < $1.name ?? "" } }

    // MARK: - Evidence

    /// Adds to an observation of the members: their images, and the pods that are not the candidate's.
    func addEvidence(to seen: inout PodsObservation) {
        let running = running
        seen.report.images = running.isEmpty ? nil : running.map(\.image)
        if seen.report.ready >= seen.report.desired { seen.report.warnings += imageWarnings(running) }
        seen.report.warnings += strays.map {
            "pod \($0.name ?? "?") (\($0.images.joined(separator: ", "))) has \(color)'s labels but "
                + "\($0.owner.map { "belongs to \($0)" } ?? "no owner"): it does not count"
        }
        let podsWithOtherImage = podsWithOtherImage
        guard !podsWithOtherImage.isEmpty else { return }
        if case .failed = seen.verdict { return }
        seen.verdict = .failed(
            podsWithOtherImage.count == 1
                ? "1 pod of \(app)-\(color) does not run \(image.wanted)"
                : "\(podsWithOtherImage.count) pods of \(app)-\(color) do not run \(image.wanted)",
            details: podsWithOtherImage.map { "\($0.name ?? "?") runs \($0.images.joined(separator: ", "))" } + [
                "a controller adopts existing pods that match its selector; "
                    + "these are deleted with the candidate, so that the next release starts without them"
            ])
    }

    private struct Running {
        var image: RunningImage
        /// `blog-green-x7f2k on node-1`
        var places: [String]
    }

    /// The images that ready members run in the release's containers.
    private var running: [Running] {
        let names = containers
        var found: [String: Running] = [:]
        for pod in sorted(members) where pod.mayServe && pod.hasTrue("Ready") {
            let statuses =
                (pod[at: "status.containerStatuses"]?.array ?? [])
                + (pod[at: "status.initContainerStatuses"]?.array ?? [])
            let images = (pod["spec"] ?? [:]).allContainers
            let place = (pod.name ?? "?") + (pod.machine.map { " on \($0)" } ?? "")
            var seenKeys: Set<String> = []
            for status in statuses {
                guard let name = status["name"]?.string, names.contains(name) else { continue }
                let image = images.first { $0["name"]?.string == name }?["image"]?.string ?? ""
                let id = CandidatePods.digest(status["imageID"]?.string ?? "")
                let key = image + " " + id
                guard seenKeys.insert(key).inserted else { continue }
                found[key, default: Running(image: RunningImage(image: image, id: id, pods: 0), places: [])]
                    .image.pods += 1
                found[key]?.places.append(place)
            }
        }
        return found.sorted { $0.key < $1.key }.map(\.value)
    }

    /// `docker-pullable://registry.local:5000/blog@sha256:0d1c…` is the same image as `registry.local:5000/blog@sha256:0d1c…`.
    private static func digest(_ id: String) -> String {
        guard let start = id.ranges(of: "sha256:").last?.lowerBound else { return id }
        return String(id[start...])
    }

    private func imageWarnings(_ running: [Running]) -> [String] {
        Dictionary(grouping: running.filter { !$0.image.id.isEmpty }, by: \.image.image)
            .filter { $0.value.count > 1 }.sorted { $0.key < $1.key }.map { image, parts in
                let each = parts.map { part in
                    let few = part.places.prefix(5).joined(separator: ", ")
                    let more = part.places.count > 5 ? " and \(part.places.count - 5) more" : ""
                    return "\(part.image.id.prefix(19)) in \(few)\(more)"
                }
                return
                    "\(image) is \(parts.count) different images: \(each.joined(separator: "; ")). The tag was pushed again "
                    + "between two pulls: push each tag only once, or release a digest"
            }
    }
}

extension JSON {
    /// A pod spec's containers and init containers.
    fileprivate var allContainers: [JSON] {
        (self["containers"]?.array ?? []) + (self["initContainers"]?.array ?? [])
    }
}
