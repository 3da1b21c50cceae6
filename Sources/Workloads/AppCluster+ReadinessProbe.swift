import Kubernetes
import ReleaseMachine
import ViridianConfiguration

extension AppCluster {
    /// The HTTP readiness probe of this colour's pods on the app's port; `nil` if there is none or it cannot be read.
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

    /// Whether any container of this colour's pods has a readiness probe; without one, a pod counts as ready as soon as its process
    /// runs. `nil` if there is no workload.
    package func hasReadinessProbe(_ color: Color) async throws -> Bool? {
        guard let object = try await workload(color) else { return nil }
        return (object[at: "spec.template.spec.containers"]?.array ?? []).contains { $0["readinessProbe"] != nil }
    }
}
