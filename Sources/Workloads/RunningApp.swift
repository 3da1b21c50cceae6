/// What runs in a cluster of an app that Viridian does not know yet: the services and workloads of its namespace, and what else refers
/// to them.
package struct RunningApp: Sendable, Hashable {
    package struct Service: Sendable, Hashable {
        package struct Port: Sendable, Hashable {
            /// Of a container: its number, or else its name.
            package var target: Int?
            package var targetName: String?
            package var nodePort: Int?

            package init(target: Int? = nil, targetName: String? = nil, nodePort: Int?) {
                self.target = target
                self.targetName = targetName
                self.nodePort = nodePort
            }
        }

        package var namespace: String
        package var name: String
        /// `NodePort`, `ClusterIP`, `LoadBalancer`.
        package var type: String
        package var ports: [Port]
        package var selector: [String: String]

        package init(namespace: String, name: String, type: String, ports: [Port], selector: [String: String]) {
            self.namespace = namespace
            self.name = name
            self.type = type
            self.ports = ports
            self.selector = selector
        }

        package var nodePorts: [Int] { ports.compactMap(\.nodePort) }

        /// Whether it sends requests to pods with these labels.
        package func selects(_ labels: [String: String]) -> Bool {
            !selector.isEmpty && selector.allSatisfy { labels[$0.key] == $0.value }
        }
    }

    package struct Container: Sendable, Hashable {
        package var name: String
        package var image: String
        /// By name where they have one; else the name is empty.
        package var ports: [(name: String, number: Int)]
        package var hasReadinessProbe: Bool
        package var isInit: Bool

        package init(
            name: String, image: String, ports: [(name: String, number: Int)] = [], hasReadinessProbe: Bool = true,
            isInit: Bool = false
        ) {
            self.name = name
            self.image = image
            self.ports = ports
            self.hasReadinessProbe = hasReadinessProbe
            self.isInit = isInit
        }

        package static func == (first: Container, second: Container) -> Bool {
            first.name == second.name && first.image == second.image && first.isInit == second.isInit
                && first.hasReadinessProbe == second.hasReadinessProbe
                && first.ports.elementsEqual(second.ports) { $0 == $1 }
        }

        package func hash(into hasher: inout Hasher) {
            hasher.combine(name)
            hasher.combine(image)
        }
    }

    package struct Workload: Sendable, Hashable {
        package var kind: String
        package var name: String
        /// Of its pods.
        package var labels: [String: String]
        package var replicas: Int
        package var ready: Int
        package var containers: [Container]
        /// The release of Viridian that made it.
        package var release: Int?

        package init(
            kind: String, name: String, labels: [String: String], replicas: Int, ready: Int, containers: [Container],
            release: Int? = nil
        ) {
            self.kind = kind
            self.name = name
            self.labels = labels
            self.replicas = replicas
            self.ready = ready
            self.containers = containers
            self.release = release
        }

        /// `ReplicationController blog-blue`
        package var title: String { "\(kind) \(name)" }
    }

    /// An object that refers to another one by its name.
    package struct Reference: Sendable, Hashable {
        package var name: String
        /// A workload's kind and name for an autoscaler, a service's name for an ingress.
        package var target: String

        package init(name: String, target: String) {
            self.name = name
            self.target = target
        }
    }

    package var namespace: String
    /// Of all namespaces that could be read.
    package var services: [Service]
    package var workloads: [Workload]
    package var autoscalers: [Reference]
    package var ingresses: [Reference]
    /// What the account may not read: `ingresses.networking.k8s.io in namespace blog`.
    package var unread: [String]

    package init(
        namespace: String, services: [Service] = [], workloads: [Workload] = [], autoscalers: [Reference] = [],
        ingresses: [Reference] = [], unread: [String] = []
    ) {
        self.namespace = namespace
        self.services = services
        self.workloads = workloads
        self.autoscalers = autoscalers
        self.ingresses = ingresses
        self.unread = unread
    }
}
