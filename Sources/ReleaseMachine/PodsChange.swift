/// What has changed in the candidate's pods since the report before.
///
/// A pod that becomes ready is one line in the journal, however many pods there are: with whole reports a release's journal would grow
/// with the square of its pods.
package struct PodsChange: Sendable, Hashable, Codable {
    package var ready: Int
    package var desired: Int
    /// Pods that are new, or not as they were.
    package var pods: [PodSummary]
    /// Names of pods that no longer exist; `nil`: all still do.
    package var gone: [String]?
    /// All of them; `nil`: they are as they were.
    package var warnings: [String]?
    /// All of them; `nil`: they are as they were.
    package var images: [RunningImage]?

    package init(
        ready: Int, desired: Int, pods: [PodSummary], gone: [String]? = nil, warnings: [String]? = nil,
        images: [RunningImage]? = nil
    ) {
        self.ready = ready
        self.desired = desired
        self.pods = pods
        self.gone = gone
        self.warnings = warnings
        self.images = images
    }

    package init(from old: PodsReport, to new: PodsReport) {
        let former = Dictionary(old.pods.map { ($0.name, $0) }) { $1 }
        let names = Set(new.pods.map(\.name))
        let gone = old.pods.map(\.name).filter { !names.contains($0) }
        self.init(
            ready: new.ready,
            desired: new.desired,
            pods: new.pods.filter { former[$0.name] != $0 },
            gone: gone.isEmpty ? nil : gone,
            warnings: new.warnings == old.warnings ? nil : new.warnings,
            images: new.images == old.images ? nil : new.images
        )
    }
}

extension PodsReport {
    /// What a change says by itself, without the report before it.
    package init(_ change: PodsChange) {
        self.init(ready: 0, desired: 0, pods: [])
        apply(change)
    }

    /// Makes this report the next one. The pods are sorted by name. Applying a change a second time changes nothing.
    mutating func apply(_ change: PodsChange) {
        ready = change.ready
        desired = change.desired
        if let warnings = change.warnings { self.warnings = warnings }
        if let images = change.images { self.images = images }
        for pod in change.pods {
            let index = place(of: pod.name)
            if index < pods.count, pods[index].name == pod.name {
                pods[index] = pod
            } else {
                pods.insert(pod, at: index)
            }
        }
        for name in change.gone ?? [] {
            let index = place(of: name)
            if index < pods.count, pods[index].name == name { pods.remove(at: index) }
        }
    }

    /// Where the pod of that name is, or would have to be inserted.
    private func place(of name: String) -> Int {
        var range = pods.indices
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range = pods[middle].name < name ? (middle + 1)..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound
    }
}

extension Release {
    /// The event that records a report of the candidate's pods: what has changed since the last one; `nil` when nothing has.
    ///
    /// The whole report where this release has none yet, or where a change would not give it: its pods are not sorted by name, or two of
    /// them have the same.
    package func podsEvent(for report: PodsReport) -> Event? {
        guard var pods else { return .podsObserved(report) }
        guard pods != report else { return nil }
        let change = PodsChange(from: pods, to: report)
        pods.apply(change)
        return pods == report ? .podsChanged(change) : .podsObserved(report)
    }

    mutating func applyPods(_ change: PodsChange) {
        if pods == nil { pods = PodsReport(change) } else { pods?.apply(change) }
    }

    /// The event as it is to be appended to the journal: a report of pods as what has changed in them; `nil` when the release knows it
    /// already.
    package func journaled(_ event: Event) -> Event? {
        if case .podsObserved(let report) = event { podsEvent(for: report) } else { event }
    }

    /// An event of this release's journal, whole by itself: all pods where the journal has only what has changed in them. This is the
    /// release right after the event.
    package func whole(_ event: Event) -> Event {
        if case .podsChanged(let change) = event { .podsObserved(pods ?? PodsReport(change)) } else { event }
    }
}
