import Kubernetes

/// The next step of a rollout: the replicas of each replica set. Pure; the controller executes it.
struct Rollout {
    typealias Change = (set: JSON, replicas: Int)

    private let replicas: Int
    private let surge: Int
    private let unavailable: Int
    private let new: JSON
    private let old: [JSON]

    init(_ deployment: JSON, new: JSON, old: [JSON]) {
        self.new = new
        self.old = old
        replicas = deployment[at: "spec.replicas"]?.count ?? 1
        let rolling = deployment[at: "spec.strategy.rollingUpdate"] ?? [:]
        (surge, unavailable) = Self.margins(rolling, replicas)
    }

    /// The number of pods allowed above and below the desired number. Not both are 0, as the rollout could not progress.
    static func margins(_ rolling: JSON, _ replicas: Int) -> (surge: Int, unavailable: Int) {
        func amount(_ value: JSON?, roundingUp: Bool) -> Int {
            if let number = value?.count { return number }
            guard let text = value?.string, let percent = Double(text.dropLast()) else { return 0 }
            let amount = (percent * Double(replicas) / 100).rounded(roundingUp ? .up : .down)
            return min(max(0, Int(bounded: amount)), Int(Int32.max))
        }
        let surge = amount(rolling["maxSurge"], roundingUp: true)
        let unavailable = amount(rolling["maxUnavailable"], roundingUp: false)
        return (surge, surge == 0 && unavailable == 0 ? 1 : unavailable)
    }

    private static func wanted(_ set: JSON) -> Int { set[at: "spec.replicas"]?.count ?? 0 }

    private static func available(_ set: JSON) -> Int { set[at: "status.availableReplicas"]?.count ?? 0 }

    /// For a paused deployment, which is scaled but not rolled out.
    func scalingOnly() -> [Change] {
        old.allSatisfy { Self.wanted($0) == 0 } ? [(new, replicas)] : []
    }

    /// Strategy Recreate: old pods are deleted first, new ones are created when none is left.
    func recreating(podsLeft: Int) -> [Change] {
        let ending = old.filter { Self.wanted($0) > 0 }.map { (set: $0, replicas: 0) }
        guard ending.isEmpty, podsLeft == 0 else { return ending }
        return [(new, replicas)]
    }

    /// Strategy RollingUpdate (`pkg/controller/deployment/rolling.go`): scales up as far as the surge allows, then down as far as
    /// availability allows.
    func rolling() -> [Change] {
        let total = old.reduce(Self.wanted(new)) { $0 + Self.wanted($1) }
        if Self.wanted(new) > replicas { return [(new, replicas)] }
        if Self.wanted(new) < replicas {
            let room = replicas + surge - total
            if room > 0 { return [(new, min(replicas, Self.wanted(new) + room))] }
        }
        let oldest = old.filter { Self.wanted($0) > 0 }.sorted { $0.meta.created < $1.meta.created }
        guard !oldest.isEmpty else { return [] }
        let minimum = replicas - unavailable
        let newUnavailable = Self.wanted(new) - Self.available(new)
        var removable = total - minimum - newUnavailable
        guard removable > 0 else { return [] }
        var left = Dictionary(uniqueKeysWithValues: oldest.map { ($0.meta.name, Self.wanted($0)) })
        // Unavailable pods are deleted first.
        for set in oldest {
            let broken = min(removable, Self.wanted(set) - Self.available(set))
            guard broken > 0 else { continue }
            left[set.meta.name, default: 0] -= broken
            removable -= broken
        }
        var spare = oldest.reduce(Self.available(new)) { $0 + Self.available($1) } - minimum
        for set in oldest {
            let count = min(spare, removable, left[set.meta.name, default: 0])
            guard count > 0 else { continue }
            left[set.meta.name, default: 0] -= count
            spare -= count
            removable -= count
        }
        return oldest.map { ($0, left[$0.meta.name] ?? 0) }
    }
}
