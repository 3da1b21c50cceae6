import Foundation
import Kubernetes

/// The state of a container, for the pod's status.
struct ContainerState: Sendable {
    struct Ending: Sendable {
        var exitCode: Int
        var signal: Int?
        var reason: String
        var message: String?
        var started: Date
        var finished: Date
    }

    enum Phase: Sendable {
        case waiting(reason: String, message: String?)
        case running(since: Date)
        case ended(Ending)
    }

    let name: String
    let image: String
    var phase: Phase
    var last: Ending?
    var restarts = 0
    var isReady = false
    var isStarted = false
    var instance = ""

    init(_ container: JSON) {
        name = container["name"]?.string ?? ""
        image = container["image"]?.string ?? ""
        phase = .waiting(reason: "ContainerCreating", message: nil)
    }

    var isRunning: Bool { if case .running = phase { true } else { false } }

    var ending: Ending? { if case .ended(let ending) = phase { ending } else { nil } }

    var json: JSON {
        let state: JSON
        switch phase {
        case .waiting(let reason, let message):
            var waiting: JSON = ["reason": .string(reason)]
            if let message { waiting["message"] = .string(message) }
            state = ["waiting": waiting]
        case .running(let since): state = ["running": ["startedAt": APITime.text(since)]]
        case .ended(let ending): state = ["terminated": Self.json(ending, instance)]
        }
        let hasRun = !instance.isEmpty
        let parsed = ImageName(image)
        let reference = parsed?.description ?? image
        var status: JSON = [
            "name": .string(name), "state": state,
            "lastState": last.map { ["terminated": Self.json($0, instance)] } ?? [:],
            "ready": .bool(isReady), "started": .bool(isStarted), "restartCount": .int(restarts),
            "image": .string(hasRun ? reference : image),
            "imageID": .string(hasRun ? "sandbox://\(parsed?.digest ?? Fingerprint.digest(reference))" : ""),
        ]
        if hasRun { status["containerID"] = .string("sandbox://\(instance)") }
        return status
    }

    private static func json(_ ending: Ending, _ instance: String) -> JSON {
        var json: JSON = [
            "exitCode": .int(ending.exitCode), "reason": .string(ending.reason),
            "startedAt": APITime.text(ending.started), "finishedAt": APITime.text(ending.finished),
            "containerID": .string("sandbox://\(instance)"),
        ]
        if let signal = ending.signal { json["signal"] = .int(signal) }
        if let message = ending.message { json["message"] = .string(message) }
        return json
    }
}

/// The state of a pod on the node.
struct PodState: Sendable {
    var address: String?
    var started = Date()
    var initContainers: [ContainerState]
    var containers: [ContainerState]
    var isTerminating = false

    init(_ pod: JSON) {
        initContainers = (pod[at: "spec.initContainers"]?.array ?? []).map(ContainerState.init)
        containers = (pod[at: "spec.containers"]?.array ?? []).map(ContainerState.init)
        if !initContainers.isEmpty {
            for index in containers.indices {
                containers[index].phase = .waiting(reason: "PodInitializing", message: nil)
            }
            for index in initContainers.indices {
                initContainers[index].phase = .waiting(reason: "PodInitializing", message: nil)
            }
        }
    }

    var isInitialized: Bool { initContainers.allSatisfy { $0.ending?.exitCode == 0 } }

    var isReady: Bool { !isTerminating && isInitialized && containers.allSatisfy(\.isReady) }

    /// The pod's phase, as in the kubelet's `getPhase`.
    func phase(_ policy: String) -> String {
        if !isInitialized {
            let failed = initContainers.contains { ($0.ending?.exitCode ?? 0) != 0 }
            return failed && policy == "Never" ? "Failed" : "Pending"
        }
        var (waiting, running, ended, succeeded) = (0, 0, 0, 0)
        for container in containers {
            switch container.phase {
            case .running: running += 1
            case .ended(let ending):
                ended += 1
                if ending.exitCode == 0 { succeeded += 1 }
            case .waiting:
                if container.last != nil { ended += 1 } else { waiting += 1 }
            }
        }
        if waiting > 0 { return "Pending" }
        if running > 0 { return "Running" }
        let isOver = containers.allSatisfy { $0.ending != nil }
        if isTerminating, isOver { return succeeded == ended ? "Succeeded" : "Failed" }
        if policy == "Always" || !isOver { return "Running" }
        if succeeded == ended { return "Succeeded" }
        return policy == "Never" ? "Failed" : "Running"
    }

    /// The pod's `status`. Conditions of other components are kept.
    func status(of pod: JSON) -> JSON {
        var status = pod["status"] ?? [:]
        let policy = pod[at: "spec.restartPolicy"]?.string ?? "Always"
        let phase = phase(policy)
        status["phase"] = .string(phase)
        status["hostIP"] = "127.0.0.1"
        status["startTime"] = APITime.text(started)
        if let address {
            status["podIP"] = .string(address)
            status["podIPs"] = [["ip": .string(address)]]
        }
        if !initContainers.isEmpty { status["initContainerStatuses"] = .array(initContainers.map(\.json)) }
        status["containerStatuses"] = .array(containers.map(\.json))
        var conditions = status["conditions"]?.array ?? []
        func set(_ type: String, _ holds: Bool, _ reason: String?, _ message: String?) {
            var condition: JSON = ["type": .string(type), "status": holds ? "True" : "False", "lastProbeTime": .null]
            if let reason { condition["reason"] = .string(reason) }
            if let message { condition["message"] = .string(message) }
            conditions = JSON.conditions(conditions, setting: condition)
        }
        let uninitialized = initContainers.filter { $0.ending?.exitCode != 0 }.map(\.name).joined(separator: " ")
        set(
            "Initialized", isInitialized, isInitialized ? nil : "ContainersNotInitialized",
            isInitialized ? nil : "containers with incomplete status: [\(uninitialized)]")
        var (reason, message): (String?, String?) = (nil, nil)
        if phase == "Succeeded" {
            reason = "PodCompleted"
        } else if !isReady {
            let unready = containers.filter { !$0.isReady || isTerminating }.map(\.name).joined(separator: " ")
            reason = "ContainersNotReady"
            message = "containers with unready status: [\(unready)]"
        }
        set("ContainersReady", isReady, reason, message)
        set("Ready", isReady, reason, message)
        set("PodScheduled", true, nil, nil)
        status["conditions"] = .array(conditions)
        return status
    }
}
