import Kubernetes

/// Endpoints and endpoint slices of services.
extension Objects {
    /// Updates the endpoints of a service to its current pods.
    ///
    /// - Returns: the endpoints, or `nil` when the service does not exist or has no selector.
    @discardableResult
    mutating func syncEndpoints(of key: ObjectKey) -> JSON? {
        guard let service = find(.services, key) else {
            remove(.endpoints, key)
            return nil
        }
        let selector = (service[at: "spec.selector"]?.object ?? [:]).compactMapValues(\.string)
        guard !selector.isEmpty else { return nil }
        let filter = ObjectFilter(namespace: key.namespace, labels: LabelSelector(selector))
        let pods = list(.pods, filter).filter { $0.isActive && $0[at: "status.podIP"]?.string != nil }
        syncSlice(of: service, pods)
        return syncEndpoints(of: service, pods)
    }

    private mutating func syncEndpoints(of service: JSON, _ pods: [JSON]) -> JSON? {
        let key = service.meta.key
        // Pods whose named target ports differ are in separate subsets.
        let groups = Dictionary(grouping: pods) { Self.ports(of: service, in: $0) }
        let includesAll = service[at: "spec.publishNotReadyAddresses"]?.bool == true
        let subsets: [JSON] = groups.sorted { $0.key.description < $1.key.description }.compactMap { ports, pods in
            guard !ports.isEmpty else { return nil }
            let ready = pods.filter { $0.isReady || includesAll }
            let waiting = pods.filter { !($0.isReady || includesAll) }
            var subset: JSON = ["ports": .array(ports)]
            if !ready.isEmpty { subset["addresses"] = .array(ready.map(Self.address)) }
            if !waiting.isEmpty { subset["notReadyAddresses"] = .array(waiting.map(Self.address)) }
            return subset
        }
        var object =
            find(.endpoints, key) ?? ["metadata": ["name": .string(key.name), "namespace": .string(key.namespace)]]
        object[at: "metadata.labels"] = service["metadata"]?["labels"]
        object["subsets"] = nil
        if !subsets.isEmpty { object["subsets"] = .array(subsets) }
        let wanted = object
        if find(.endpoints, key) == nil { return try? create(.endpoints, wanted) }
        return try? update(.endpoints, key) { _ in wanted }
    }

    private mutating func syncSlice(of service: JSON, _ pods: [JSON]) {
        let key = ObjectKey(
            namespace: service.meta.namespace, name: service.meta.name + "-" + service.meta.uid.prefix(5))
        var slice =
            find(.endpointSlices, key) ?? [
                "metadata": [
                    "name": .string(key.name), "namespace": .string(key.namespace),
                    "labels": ["kubernetes.io/service-name": .string(service.meta.name)],
                    "ownerReferences": [service.controllerReference(.services)],
                ],
                "addressType": "IPv4",
            ]
        slice["ports"] = .array(pods.first.map { Self.ports(of: service, in: $0) } ?? [])
        slice["endpoints"] = .array(
            pods.map { pod in
                [
                    "addresses": [pod[at: "status.podIP"] ?? ""], "nodeName": pod[at: "spec.nodeName"] ?? "",
                    "conditions": [
                        "ready": .bool(pod.isReady), "serving": .bool(pod.isReady), "terminating": false,
                    ],
                    "targetRef": Self.reference(pod),
                ]
            })
        let wanted = slice
        if find(.endpointSlices, key) == nil {
            _ = try? create(.endpointSlices, wanted)
        } else {
            _ = try? update(.endpointSlices, key) { _ in wanted }
        }
    }

    private static func address(_ pod: JSON) -> JSON {
        [
            "ip": pod[at: "status.podIP"] ?? "", "nodeName": pod[at: "spec.nodeName"] ?? "",
            "targetRef": reference(pod),
        ]
    }

    private static func reference(_ pod: JSON) -> JSON {
        [
            "kind": "Pod", "namespace": .string(pod.meta.namespace), "name": .string(pod.meta.name),
            "uid": .string(pod.meta.uid),
        ]
    }

    /// The port numbers of a service in a pod. A named target port that the pod does not have is omitted.
    private static func ports(of service: JSON, in pod: JSON) -> [JSON] {
        (service[at: "spec.ports"]?.array ?? []).compactMap { port in
            let target = port["targetPort"] ?? port["port"] ?? 0
            guard let number = target.integer ?? target.string.flatMap({ named($0, in: pod) }) else { return nil }
            var result: JSON = ["port": .int(number), "protocol": port["protocol"] ?? "TCP"]
            if let name = port["name"] { result["name"] = name }
            return result
        }
    }

    static func named(_ name: String, in pod: JSON) -> Int? {
        if let number = Int(name) { return number }
        for container in pod[at: "spec.containers"]?.array ?? [] {
            for port in container["ports"]?.array ?? [] where port["name"]?.string == name {
                return port["containerPort"]?.integer
            }
        }
        return nil
    }
}

/// Keeps the endpoints of all services up to date.
struct EndpointsController: Sendable {
    let store: ObjectStore

    var sources: [ControlLoop.Source] {
        let store = store
        return [
            .init(type: .services) { [$0.meta.key] },
            .init(type: .pods) { pod in
                await store.list(.services, ObjectFilter(namespace: pod.meta.namespace)).map(\.meta.key)
            },
        ]
    }

    func reconcile(_ key: ObjectKey) async throws -> Duration? {
        await store.perform { _ = $0.syncEndpoints(of: key) }
        return nil
    }
}
