import Controller
import ViridianConfiguration
import Workloads

extension Installation {
    /// What all apps, or some of them, are read with at once: one for each cluster.
    func sharedReadings(of names: [String]? = nil) -> [FleetReadings] {
        clusters.compactMap { cluster in
            guard let fleet = cluster.fleet else { return nil }
            let apps = configuration.apps.filter { app in
                app.cluster == cluster.configuration.name && names?.contains(app.name.text) ?? true
            }
            return FleetReadings(
                fleet: fleet, surveys: cluster.client.map { ClusterSurveys(client: $0, apps: apps) },
                clusterProblem: cluster.namedProblem, apps: apps)
        }
    }

    /// The same installation for a verb that looks at these apps: each node is read once for all of them.
    func reading(_ names: [String]) -> Installation {
        var together = self
        for readings in sharedReadings(of: names) where readings.apps.count > 1 {
            let batch = ReadingsBatch(readings)
            for app in readings.apps { together.batches[app] = batch }
        }
        return together
    }
}
