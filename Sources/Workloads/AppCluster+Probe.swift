import Kubernetes
import ReleaseMachine
import ViridianConfiguration

extension AppCluster {
    /// The readiness probe by which the kubelet asks this colour's pods on the app's port; `nil` where it asks by other means than
    /// HTTP, or cannot tell.
    package func readinessProbe(of color: Color) async -> ReadinessProbe? {
        guard let object = try? await workload(color) else { return nil }
        for container in object[at: "spec.template.spec.containers"]?.array ?? [] {
            guard let port = container[at: "readinessProbe.httpGet.port"] else { continue }
            let named = (container["ports"]?.array ?? []).first { $0["name"]?.string != nil && $0["name"] == port }
            if (port.integer ?? named?["containerPort"]?.integer) == app.ports.container {
                return container["readinessProbe"].flatMap(ReadinessProbe.init)
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
