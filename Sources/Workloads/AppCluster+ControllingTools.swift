import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// Another program that manages one of the app's objects: it resets replicas and deletes what it did not create.
package struct ControllingTool: Sendable, Hashable {
    /// `Deployment blog-blue`
    package var object: String
    /// `Argo CD`
    package var program: String
    /// The labels and annotations that show it.
    package var metadataKeys: [String]
}

extension AppCluster {
    /// The other programs that manage the workloads and autoscalers of both colours.
    package func controllingTools() async throws -> [ControllingTool] {
        var found: [ControllingTool] = []
        for color in Color.allCases {
            var objects = [try await workload(color)].compactMap(\.self)
            if case .found(let scalers, _) = try await autoscalers(of: color) { objects += scalers }
            for object in objects {
                let ownership = ControllingToolMetadata(of: object)
                found += ownership.programs.map { program in
                    ControllingTool(
                        object: "\(object["kind"]?.string ?? "?") \(object.name ?? "?")", program: program,
                        metadataKeys: (ownership.keys[program] ?? []).sorted())
                }
            }
        }
        return found
    }
}
