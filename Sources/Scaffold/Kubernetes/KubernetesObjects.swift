import Kubernetes
import ReleaseMachine
import TextTemplates
import ViridianConfiguration

/// What may be rendered beside an app's namespace and services.
package enum KubernetesAddition: String, Sendable, Hashable, CaseIterable {
    /// Comes with `limits`: a quota on processors and memory refuses pods that ask for none.
    case quota
    case limits
    case disruptionBudgets = "disruption-budgets"
    case networkPolicy = "network-policy"
}

/// What an app needs in the cluster before its first release: its namespace and its two services. Releases create the workloads.
struct KubernetesObjects: TemplateValues {
    static let template = TextTemplate(PackageResources.kubernetes_yaml_mustache)

    let app: String
    /// The name as a scalar of YAML; `app` is for comments.
    let name: String
    let namespace: String
    /// The container's.
    let port: Int
    let services: [Service]
    let quota: Quota?
    let limits: Limits?
    let budgets: [Budget]
    let policies: [Policy]

    struct Service {
        let name: String
        let port: Int
        /// On every machine of the cluster.
        let nodePort: Int
    }

    struct Quota {
        let replicas: Int
        /// Of the namespace's other pods.
        let others: Int
        let pods: Int
        let processors: String
        let memory: String
    }

    struct Limits {
        let processors: String
        let memory: String
        let memoryLimit: String
    }

    /// Of a colour's pods.
    struct Budget {
        let name: String
        let isFirst: Bool
    }

    struct Policy {
        /// As lists of YAML.
        let colors: String
    }

    init(_ configured: AppConfiguration, with additions: Set<KubernetesAddition> = []) {
        app = configured.name.text
        name = yaml(configured.name.text)
        namespace = yaml(configured.namespace)
        port = configured.ports.container
        services = Color.allCases.map {
            Service(
                name: yaml(configured.serviceName($0)), port: configured.ports.container,
                nodePort: configured.port(of: $0))
        }
        quota = additions.contains(.quota) ? Quota(configured) : nil
        limits =
            additions.isDisjoint(with: [.quota, .limits])
            ? nil
            : Limits(
                processors: PodSize.container.processors.thousandths, memory: PodSize.container.memory.mebibytes,
                memoryLimit: PodSize.containerLimit.mebibytes)
        let workloads = Color.allCases.map { yaml(configured.workloadName($0)) }
        budgets =
            additions.contains(.disruptionBudgets)
            ? workloads.enumerated().map { Budget(name: $1, isFirst: $0 == 0) } : []
        policies =
            additions.contains(.networkPolicy) ? [Policy(colors: workloads.joined(separator: ", "))] : []
    }

    static func file(_ app: AppConfiguration, with additions: Set<KubernetesAddition> = []) -> RenderedFile {
        RenderedFile(path: "kubernetes/\(app.name).yaml", text: KubernetesObjects(app, with: additions).text)
    }
}

extension KubernetesObjects.Quota {
    /// Both colours at once, pods of one more that are still terminating, and the namespace's other pods.
    init(_ app: AppConfiguration) {
        let replicas = max(app.replicas, 1)
        let others = 5
        let size = PodSize(app)
        let own = Double(3 * replicas)
        func total(_ amount: (PodSize) -> Quantity) -> Quantity {
            Quantity(amount(size).value * own + amount(.container).value * Double(others))
        }
        self.init(
            replicas: replicas, others: others, pods: 3 * replicas + others,
            processors: total { $0.processors }.thousandths, memory: total { $0.memory }.mebibytes)
    }
}
