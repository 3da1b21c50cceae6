import Kubernetes
import ReleaseMachine
import ViridianConfiguration

/// A program beside Viridian that takes one of the app's objects for its own: it sets replicas back, and deletes what it did not make.
package struct Manager: Sendable, Hashable {
    /// `Deployment blog-blue`
    package var object: String
    /// `Argo CD`
    package var program: String
    /// The labels and annotations that say so.
    package var marks: [String]
}

extension AppCluster {
    /// Those of both colours' workloads and autoscalers.
    package func managers() async throws -> [Manager] {
        var found: [Manager] = []
        for color in Color.allCases {
            var objects = [try await workload(color)].compactMap(\.self)
            if case .found(let scalers, _) = try await autoscalers(of: color) { objects += scalers }
            for object in objects {
                let marks = OwnershipMarks(of: object)
                found += marks.programs.map { program in
                    Manager(
                        object: "\(object["kind"]?.string ?? "?") \(object.name ?? "?")", program: program,
                        marks: (marks.keys[program] ?? []).sorted())
                }
            }
        }
        return found
    }
}
