import Foundation
import Kubernetes

/// The `status` of a deployment, computed from its replica sets.
struct DeploymentStatus {
    let deployment: JSON
    let new: JSON?
    let old: [JSON]

    private func sum(_ field: String) -> Int {
        ((new.map { [$0] } ?? []) + old).reduce(0) { $0 + ($1["status"]?[field]?.count ?? 0) }
    }

    private var wanted: Int { deployment[at: "spec.replicas"]?.count ?? 1 }

    /// - Returns: the delay after which to check the rollout's deadline, if any.
    func write(to store: ObjectStore) async throws -> Duration? {
        let now = Date()
        let status = status(now)
        try await store.perform { objects in
            _ = try objects.update(.deployments, deployment.meta.key, .status) {
                var changed = $0
                changed["status"] = status
                return changed
            }
        }
        let progressing = (status["conditions"]?.array ?? []).first { $0["type"]?.string == "Progressing" }
        guard progressing?["status"]?.string == "True", progressing?["reason"]?.string != "NewReplicaSetAvailable",
            let since = progressing?["lastUpdateTime"]?.string.flatMap(APITime.parse)
        else { return nil }
        return .seconds(max(0.5, deadline - now.timeIntervalSince(since) + 1))
    }

    private var deadline: Double { Double(deployment[at: "spec.progressDeadlineSeconds"]?.count ?? 600) }

    private func status(_ now: Date) -> JSON {
        let updated = new?[at: "status.replicas"]?.count ?? 0
        let total = sum("replicas")
        let available = sum("availableReplicas")
        var status: JSON = ["observedGeneration": .int(deployment.meta.generation)]
        func set(_ field: String, _ value: Int) { if value > 0 { status[field] = .int(value) } }
        set("replicas", total)
        set("updatedReplicas", updated)
        set("readyReplicas", sum("readyReplicas"))
        set("availableReplicas", available)
        set("unavailableReplicas", max(0, wanted - available))
        var conditions = deployment[at: "status.conditions"]?.array ?? []
        conditions = JSON.conditions(conditions, setting: availability(available))
        if let progress = progress(status, now) { conditions = JSON.conditions(conditions, setting: progress) }
        conditions.removeAll { $0["type"]?.string == "ReplicaFailure" }
        if let failure = new?.condition("ReplicaFailure") { conditions.append(failure) }
        status["conditions"] = .array(conditions)
        return status
    }

    private func availability(_ available: Int) -> JSON {
        let (_, unavailable) = Rollout.margins(deployment[at: "spec.strategy.rollingUpdate"] ?? [:], wanted)
        let isEnough = available >= wanted - (wanted == 0 ? 0 : unavailable)
        var condition: JSON = [
            "type": "Available", "status": isEnough ? "True" : "False",
            "reason": isEnough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
            "message": isEnough
                ? "Deployment has minimum availability." : "Deployment does not have minimum availability.",
        ]
        let before = deployment.condition("Available")
        let isSame = before?["status"] == condition["status"]
        condition["lastUpdateTime"] = isSame ? before?["lastUpdateTime"] : APITime.now()
        return condition
    }

    private func progress(_ status: JSON, _ now: Date) -> JSON? {
        let before = deployment.condition("Progressing")
        guard let new else { return before }
        func number(_ status: JSON?, _ field: String) -> Int { status?[field]?.count ?? 0 }
        let past = deployment["status"]
        let isComplete =
            number(status, "updatedReplicas") == wanted && number(status, "replicas") == wanted
            && number(status, "availableReplicas") == wanted
        let hasMoved =
            ["updatedReplicas", "readyReplicas", "availableReplicas"].contains {
                number(status, $0) > number(past, $0)
            }
            || number(status, "replicas") - number(status, "updatedReplicas")
                < number(past, "replicas") - number(past, "updatedReplicas")
            || before?["message"]?.string?.contains("\"\(new.meta.name)\"") != true
        let name = new.meta.name
        func condition(_ isTrue: Bool, _ reason: String, _ message: String, updating: Bool) -> JSON {
            let kept = before?["reason"]?.string == reason && !updating
            return [
                "type": "Progressing", "status": isTrue ? "True" : "False", "reason": .string(reason),
                "message": .string(message),
                "lastUpdateTime": (kept ? before?["lastUpdateTime"] : nil) ?? APITime.text(now),
            ]
        }
        if isComplete {
            return condition(
                true, "NewReplicaSetAvailable", "ReplicaSet \"\(name)\" has successfully progressed.", updating: false)
        }
        if hasMoved || before?["reason"]?.string == "NewReplicaSetAvailable" {
            return condition(true, "ReplicaSetUpdated", "ReplicaSet \"\(name)\" is progressing.", updating: true)
        }
        let since = before?["lastUpdateTime"]?.string.flatMap(APITime.parse) ?? now
        if now.timeIntervalSince(since) > deadline {
            return condition(
                false, "ProgressDeadlineExceeded", "ReplicaSet \"\(name)\" has timed out progressing.", updating: false)
        }
        return before
    }
}
