import Kubernetes
import ReleaseMachine

extension RunningApp {
    /// Reads everything that `adopt` asks the cluster for. Nothing is changed.
    ///
    /// Without `namespace`, the app's services are looked for by their names: in the namespace that is called like the app, or else in
    /// the only other one that has them.
    /// - Throws: `KubernetesError` where the services cannot be read.
    package static func read(
        _ app: String, namespace given: String?, by client: KubernetesClient
    ) async throws -> RunningApp {
        var found = RunningApp(namespace: given ?? app)
        if let everywhere = try await found.list(.services, everywhere: true, by: client) {
            found.services = everywhere.compactMap(Service.init)
        } else {
            found.services = try await client.list(.services, namespace: found.namespace).items.compactMap(
                Service.init)
        }
        if given == nil, let only = found.onlyNamespace(of: app) { found.namespace = only }
        for kind in workloadKinds {
            let items = try await found.list(kind, by: client) ?? []
            // Those that belong to another workload are its business.
            found.workloads += items.filter { $0[at: "metadata.ownerReferences"]?.array?.isEmpty ?? true }
                .compactMap(Workload.init)
        }
        for version in Resource.horizontalPodAutoscalers {
            guard let items = try await found.list(version, by: client) else { continue }
            found.autoscalers = items.compactMap(Reference.init(autoscaler:))
            if !items.isEmpty { break }
        }
        let ingresses = try await found.list(ingresses, by: client) ?? []
        found.ingresses = ingresses.flatMap(Reference.ingresses)
        found.unread = found.unread.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        return found
    }

    private static let workloadKinds = [
        Resource.replicationControllers, .deployments, .replicaSets,
        Resource(group: "apps", plural: "statefulsets", kind: "StatefulSet"),
        Resource(group: "apps", plural: "daemonsets", kind: "DaemonSet"),
    ]
    private static let ingresses = Resource(group: "networking.k8s.io", plural: "ingresses", kind: "Ingress")

    /// The only namespace that has both services of the app, where the one called like the app has none.
    private func onlyNamespace(of app: String) -> String? {
        let names = Set(Color.allCases.map { "\(app)-\($0)" })
        let owners = services.filter { names.contains($0.name) && !$0.nodePorts.isEmpty }.map(\.namespace)
        guard !owners.contains(namespace), Set(owners).count == 1 else { return nil }
        return owners[0]
    }

    /// The objects of one kind; `nil` where the account may not read them. A kind that the API server does not have has no objects.
    private mutating func list(
        _ kind: Resource, everywhere: Bool = false, by client: KubernetesClient
    ) async throws -> [JSON]? {
        do {
            return try await client.list(kind, namespace: everywhere ? nil : namespace).items
        } catch let error as KubernetesError where error.isNotFound {
            return []
        } catch let error as KubernetesError where error.isDenied {
            unread.append("\(kind.qualifiedName) in \(everywhere ? "all namespaces" : "namespace \(namespace)")")
            return nil
        }
    }
}

extension RunningApp.Service {
    init?(_ object: JSON) {
        guard let name = object.name, let namespace = object[at: "metadata.namespace"]?.string else { return nil }
        self.init(
            namespace: namespace,
            name: name,
            type: object[at: "spec.type"]?.string ?? "ClusterIP",
            ports: (object[at: "spec.ports"]?.array ?? []).map { port in
                Port(
                    target: port["targetPort"].map { $0.integer } ?? port["port"]?.integer,
                    targetName: port["targetPort"]?.string, nodePort: port["nodePort"]?.integer)
            },
            selector: object[at: "spec.selector"]?.object?.compactMapValues(\.string) ?? [:]
        )
    }
}

extension RunningApp.Workload {
    init?(_ object: JSON) {
        guard let name = object.name, let kind = object["kind"]?.string, !object.isBeingDeleted else { return nil }
        let template = object[at: "spec.template"] ?? [:]
        let containers = [("containers", false), ("initContainers", true)].flatMap { list, isInit in
            (template["spec"]?[list]?.array ?? []).map { container in
                RunningApp.Container(
                    name: container["name"]?.string ?? "",
                    image: container["image"]?.string ?? "",
                    ports: (container["ports"]?.array ?? []).compactMap { port in
                        port["containerPort"]?.integer.map { (port["name"]?.string ?? "", $0) }
                    },
                    hasReadinessProbe: container["readinessProbe"] != nil,
                    isInit: isInit
                )
            }
        }
        self.init(
            kind: kind,
            name: name,
            labels: template[at: "metadata.labels"]?.object?.compactMapValues(\.string) ?? [:],
            replicas: object[at: "spec.replicas"]?.count ?? 1,
            ready: object[at: "status.readyReplicas"]?.count ?? object[at: "status.numberReady"]?.count ?? 0,
            containers: containers,
            release: object.release
        )
    }
}

extension RunningApp.Reference {
    fileprivate init?(autoscaler object: JSON) {
        guard let name = object.name, let target = object[at: "spec.scaleTargetRef"],
            let kind = target["kind"]?.string, let workload = target["name"]?.string
        else { return nil }
        self.init(name: name, target: "\(kind) \(workload)")
    }

    /// One for each service that the ingress sends requests to.
    fileprivate static func ingresses(_ object: JSON) -> [Self] {
        guard let name = object.name else { return [] }
        let rules = (object[at: "spec.rules"]?.array ?? []).flatMap { $0[at: "http.paths"]?.array ?? [] }
        let backends = rules.compactMap { $0["backend"] } + [object[at: "spec.defaultBackend"]].compactMap(\.self)
        return Set(backends.compactMap { $0[at: "service.name"]?.string }).sorted().map { Self(name: name, target: $0) }
    }
}
