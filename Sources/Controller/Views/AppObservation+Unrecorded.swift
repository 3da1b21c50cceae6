import ReleaseMachine

extension AppObservation {
    /// What serves an app that Viridian has not released yet, as one that was just adopted: the colour to which every node routes that knows
    /// the app, where its workload is not a release's. `nil` where the cluster has recorded what is live.
    var unrecorded: LiveVersion? {
        let known = readings.filter { !$0.isNew }
        guard survey.recorded == nil, let color = known.first?.color,
            known.allSatisfy({ $0.color == color && $0.message == nil }),
            let workload = survey.workloads[color], workload.release == nil
        else { return nil }
        return LiveVersion(color: color, version: workload.version)
    }
}
