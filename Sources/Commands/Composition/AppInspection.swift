import Controller
import Fleet
import Kubernetes
import ViridianConfiguration
import Workloads

/// An app's cluster and nodes, for verbs that only read.
struct AppInspection {
    let cluster: AppCluster
    let nodes: FleetNodes

    init(app: AppConfiguration, client: KubernetesClient, fleet: Fleet) {
        cluster = AppCluster(client: client, app: app)
        nodes = FleetNodes(fleet: fleet, app: app)
    }
}
