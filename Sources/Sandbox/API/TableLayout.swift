import Foundation
import Kubernetes

/// The columns of `kubectl get` for a kind (`pkg/printers/internalversion/printers.go`).
struct TableLayout: Sendable {
    struct Column: Sendable {
        var name: String
        var type = "string"
        /// Shown only with `-o wide`.
        var isWide = false
    }

    var columns: [Column]
    var cells: @Sendable (_ object: JSON, _ now: Date) -> [JSON]

    /// The columns' names in order. The prefix `+` makes a wide column, `#` a column of numbers.
    private init(_ columns: String..., cells: @escaping @Sendable (JSON) -> [JSON]) {
        self.columns = columns.map { text in
            let isWide = text.hasPrefix("+")
            let rest = isWide ? text.dropFirst() : Substring(text)
            let isNumber = rest.hasPrefix("#")
            return Column(
                name: String(isNumber ? rest.dropFirst() : rest), type: isNumber ? "integer" : "string", isWide: isWide)
        }
        let ageIndex = self.columns.firstIndex { $0.name == "Age" }
        self.cells = { object, now in
            var row = cells(object)
            row.insert(.string(object.meta.name), at: 0)
            if let ageIndex { row.insert(.string(Age.text(since: object.meta.created, now)), at: ageIndex) }
            return row
        }
    }

    static func of(_ type: ResourceType) -> TableLayout {
        switch type {
        case .pods: pods
        case .services: services
        case .replicationControllers: replicas(selector: "spec.selector")
        case .replicaSets: replicas(selector: "spec.selector.matchLabels")
        case .deployments: deployments
        case .nodes: nodes
        case .namespaces: TableLayout("Name", "Status", "Age") { [$0.text(at: "status.phase")] }
        case .leases: TableLayout("Name", "Holder", "Age") { [$0.text(at: "spec.holderIdentity", otherwise: "")] }
        case .endpoints: TableLayout("Name", "Endpoints", "Age") { [.string(endpoints($0))] }
        case .configMaps:
            TableLayout("Name", "#Data", "Age") { [.int($0["data"]?.object?.count ?? 0)] }
        case .secrets:
            TableLayout("Name", "Type", "#Data", "Age") { [$0["type"] ?? "", .int($0["data"]?.object?.count ?? 0)] }
        case .resourceQuotas:
            TableLayout("Name", "Age", "Request") { [.string(quota($0))] }
        case .events: events
        default: TableLayout("Name", "Age") { _ in [] }
        }
    }

    private static let services = TableLayout(
        "Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "+Selector"
    ) { service in
        let ports = (service[at: "spec.ports"]?.array ?? []).map { port in
            let outside = port["nodePort"]?.integer.map { ":\($0)" } ?? ""
            return "\(port["port"]?.integer ?? 0)\(outside)/\(port["protocol"]?.string ?? "TCP")"
        }
        return [
            service.text(at: "spec.type"), service.text(at: "spec.clusterIP"), "<none>",
            .string(ports.isEmpty ? "<none>" : ports.joined(separator: ",")),
            .string(labels(service[at: "spec.selector"])),
        ]
    }

    private static func replicas(selector: String) -> TableLayout {
        TableLayout("Name", "#Desired", "#Current", "#Ready", "Age", "+Containers", "+Images", "+Selector") { object in
            [
                object[at: "spec.replicas"] ?? 0, object[at: "status.replicas"] ?? 0,
                object[at: "status.readyReplicas"] ?? 0,
            ] + containers(object) + [.string(labels(object[at: selector]))]
        }
    }

    private static let deployments = TableLayout(
        "Name", "Ready", "#Up-to-date", "#Available", "Age", "+Containers", "+Images", "+Selector"
    ) { object in
        let ready = object[at: "status.readyReplicas"]?.integer ?? 0
        return [
            .string("\(ready)/\(object[at: "spec.replicas"]?.integer ?? 0)"),
            object[at: "status.updatedReplicas"] ?? 0, object[at: "status.availableReplicas"] ?? 0,
        ] + containers(object) + [.string(labels(object[at: "spec.selector.matchLabels"]))]
    }

    private static let nodes = TableLayout("Name", "Status", "Roles", "Age", "Version", "+Internal-IP") { node in
        let ready = (node[at: "status.conditions"]?.array ?? []).first { $0["type"]?.string == "Ready" }
        let addresses = node[at: "status.addresses"]?.array ?? []
        return [
            .string(ready?["status"]?.string == "True" ? "Ready" : "NotReady"), "<none>",
            node.text(at: "status.nodeInfo.kubeletVersion"),
            addresses.first { $0["type"]?.string == "InternalIP" }?["address"] ?? "<none>",
        ]
    }

    private static let events: TableLayout = {
        var layout = TableLayout("Last Seen", "Type", "Reason", "Object", "Message", "+Count", "+Name") { _ in [] }
        layout.cells = { event, now in
            let last = event["lastTimestamp"]?.string.flatMap(APITime.parse) ?? event.meta.created
            let object = event["involvedObject"] ?? [:]
            return [
                .string(Age.text(since: last, now)), event["type"] ?? "", event["reason"] ?? "",
                .string("\(object["kind"]?.string?.lowercased() ?? "")/\(object["name"]?.string ?? "")"),
                event["message"] ?? "", event["count"] ?? 1, .string(event.meta.name),
            ]
        }
        return layout
    }()

    private static let pods = TableLayout(
        "Name", "Ready", "Status", "Restarts", "Age", "+IP", "+Node", "+Nominated Node", "+Readiness Gates"
    ) { pod in
        let row = PodTableRow(pod)
        return [
            .string("\(row.ready)/\(row.containers)"), .string(row.status), .string(row.restarts),
            pod.text(at: "status.podIP"), pod.text(at: "spec.nodeName"), "<none>", "<none>",
        ]
    }

    private static func containers(_ object: JSON) -> [JSON] {
        let containers = object[at: "spec.template.spec.containers"]?.array ?? []
        return ["name", "image"].map { key in
            .string(containers.compactMap { $0[key]?.string }.joined(separator: ","))
        }
    }

    private static func labels(_ value: JSON?) -> String {
        let pairs = (value?.object ?? [:]).compactMap { key, value in value.string.map { "\(key)=\($0)" } }.sorted()
        return pairs.isEmpty ? "<none>" : pairs.joined(separator: ",")
    }

    private static func endpoints(_ object: JSON) -> String {
        let all = (object["subsets"]?.array ?? []).flatMap { subset in
            (subset["ports"]?.array ?? []).flatMap { port in
                (subset["addresses"]?.array ?? []).map { "\($0["ip"]?.string ?? ""):\(port["port"]?.integer ?? 0)" }
            }
        }
        guard !all.isEmpty else { return "<none>" }
        return all.prefix(3).joined(separator: ",") + (all.count > 3 ? " + \(all.count - 3) more..." : "")
    }

    private static func quota(_ object: JSON) -> String {
        let hard = object[at: "status.hard"] ?? object[at: "spec.hard"] ?? [:]
        return (hard.object ?? [:]).keys.sorted().map { key in
            let limit = hard[key].map { $0.string ?? String($0.integer ?? 0) } ?? ""
            return "\(key): \(object["status"]?["used"]?[key]?.string ?? "0")/\(limit)"
        }.joined(separator: ", ")
    }
}

extension JSON {
    /// The text at a path as a cell.
    fileprivate func text(at path: String, otherwise: JSON = "<none>") -> JSON {
        guard let text = self[at: path]?.string, !text.isEmpty else { return otherwise }
        return .string(text)
    }
}
