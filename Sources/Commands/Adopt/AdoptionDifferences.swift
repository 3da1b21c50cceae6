import ReleaseMachine
import ViridianConfiguration

/// What an app's file that exists already says differently from what was found.
struct AdoptionDifference: Sendable, Hashable, Encodable {
    /// Of the configuration: `ports`.
    var key: String
    var configured: String
    var found: String

    var text: String { "\(key): \(configured) is configured, \(found) was found" }

    /// Only keys that adopting determines count, and not the number of replicas, which is used only while nothing is live.
    static func between(_ configured: AppConfiguration, _ found: AppConfiguration) -> [AdoptionDifference] {
        let values: [(String, (AppConfiguration) -> String)] = [
            ("cluster", { $0.cluster ?? "" }),
            ("namespace", { $0.namespace }),
            ("ports", { "container \($0.ports.container), blue \($0.ports.blue), green \($0.ports.green)" }),
            ("image", { $0.image.name }),
            ("workload", { $0.workload.rawValue }),
            ("upstream", { $0.upstream }),
            ("protocol", { $0.protocol.rawValue }),
            ("hosts", { $0.hosts.sorted().joined(separator: " ") }),
            ("preview", { $0.preview ?? "" }),
            ("allowDirect", { $0.allowDirect.sorted().joined(separator: " ") }),
        ]
        var differences = values.compactMap { key, value -> AdoptionDifference? in
            let (one, other) = (value(configured), value(found))
            guard one != other else { return nil }
            return AdoptionDifference(
                key: key, configured: one.isEmpty ? "nothing" : one, found: other.isEmpty ? "nothing" : other)
        }
        // Static files may be brought by `artifact` instead.
        if configured.artifact == nil, configured.postDeploy?.command != found.postDeploy?.command {
            differences.append(
                AdoptionDifference(
                    key: "postDeploy", configured: configured.postDeploy?.command ?? "nothing",
                    found: found.postDeploy?.command ?? "nothing"))
        }
        return differences
    }
}
