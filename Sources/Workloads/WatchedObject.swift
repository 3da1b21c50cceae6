import Controller
import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// What is kept of an object that is watched for many apps: a lease or a workload. The objects of a large cluster would not fit into
/// memory.
struct WatchedObject: Sendable, Hashable {
    enum Content: Sendable, Hashable {
        /// What is recorded as live, and how far the journal went.
        case lease(LiveRecord)
        /// `nil`: it is being deleted.
        case workload(ClusterSurvey.Workload?)
    }

    /// The namespace and the name.
    struct Key: Sendable, Hashable {
        var namespace: String
        var name: String
    }

    var key: Key
    var content: Content

    /// `nil` for an object of no app.
    init?(_ object: JSON, of apps: WatchedApps) {
        guard let namespace = object[at: "metadata.namespace"]?.string, let name = object.name else { return nil }
        key = Key(namespace: namespace, name: name)
        guard let app = apps[key] else { return nil }
        if object["kind"]?.string == Resource.leases.kind {
            let annotations = object[at: "metadata.annotations"]?.object ?? [:]
            content = .lease(LiveRecord(annotations.compactMapValues(\.string)))
        } else {
            content = .workload(object.isBeingDeleted ? nil : AppCluster.summary(object, of: app))
        }
    }
}

/// Apps by their names, and by the keys of their objects. A configuration is large, and there may be thousands: each is here once.
struct WatchedApps: Sendable {
    private let configurations: [AppConfiguration]
    private let places: [String: Int]
    private let owners: [WatchedObject.Key: Int]

    init(_ configurations: [AppConfiguration]) {
        self.configurations = configurations
        places = Dictionary(configurations.enumerated().map { ($1.name.text, $0) }) { first, _ in first }
        owners = Dictionary(
            configurations.enumerated().flatMap { place, app in
                ([AppLease.name] + Color.allCases.map(app.workloadName)).map {
                    (WatchedObject.Key(namespace: app.namespace, name: $0), place)
                }
            }
        ) { first, _ in first }
    }

    var isEmpty: Bool { configurations.isEmpty }
    var names: [String] { configurations.map(\.name.text).sorted() }

    subscript(name: String) -> AppConfiguration? { places[name].map { configurations[$0] } }
    subscript(key: WatchedObject.Key) -> AppConfiguration? { owners[key].map { configurations[$0] } }
}

extension WatchedObject {
    /// The few values as JSON, as watches have them.
    var json: JSON {
        let identity: [JSON] = [.string(key.namespace), .string(key.name)]
        switch content {
        case .lease(let live):
            return .array(
                identity + [
                    .string(live.version?.color.rawValue ?? ""), .string(live.version?.version ?? ""),
                    live.release.map { .integer(Int64($0)) } ?? .null,
                    .string(live.journal?.annotation ?? ""),
                ])
        case .workload(nil): return .array(identity)
        case .workload(let workload?):
            return .array(
                identity + [
                    .string(workload.version), .string(workload.image), .integer(Int64(workload.replicas)),
                    .integer(Int64(workload.ready)), workload.release.map { .integer(Int64($0)) } ?? .null,
                ])
        }
    }

    /// From `json`.
    init?(kept json: JSON) {
        guard let values = json.array, values.count >= 2, let namespace = values[0].string, let name = values[1].string
        else { return nil }
        key = Key(namespace: namespace, name: name)
        switch values.count {
        case 2: content = .workload(nil)
        case 6:
            var live = LiveRecord([:])
            live.version = values[2].string.flatMap(Color.init).map {
                LiveVersion(color: $0, version: values[3].string ?? "?")
            }
            live.release = values[4].integer
            live.journal = values[5].string.flatMap(JournalEnd.init(annotation:))
            content = .lease(live)
        case 7:
            content = .workload(
                ClusterSurvey.Workload(
                    version: values[2].string ?? "", image: values[3].string ?? "", replicas: values[4].integer ?? 0,
                    ready: values[5].integer ?? 0, release: values[6].integer))
        default: return nil
        }
    }
}
