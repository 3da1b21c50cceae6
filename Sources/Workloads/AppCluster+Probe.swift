import Kubernetes
import ReleaseMachine
import ViridianConfiguration

extension AppCluster {
    /// The path of the readiness probe by which the cluster itself asks this colour's pods on the app's port; `nil` where it asks
    /// by other means, or cannot tell.
    package func readinessPath(of color: Color) async -> String? {
        guard let object = try? await workload(color) else { return nil }
        for container in object[at: "spec.template.spec.containers"]?.array ?? [] {
            guard let probe = container[at: "readinessProbe.httpGet"], probe["scheme"]?.string ?? "HTTP" == "HTTP",
                let port = probe["port"]
            else { continue }
            let named = (container["ports"]?.array ?? []).first { $0["name"]?.string != nil && $0["name"] == port }
            if (port.integer ?? named?["containerPort"]?.integer) == app.ports.container {
                return probe["path"]?.string ?? "/"
            }
        }
        return nil
    }

    /// Whether any of the app's pods has a readiness probe; without one a pod counts as ready as soon as its process runs. `nil`
    /// when there is no workload to look at.
    package func hasReadinessProbe(_ color: Color) async throws -> Bool? {
        guard let object = try await workload(color) else { return nil }
        return (object[at: "spec.template.spec.containers"]?.array ?? []).contains { $0["readinessProbe"] != nil }
    }
}
