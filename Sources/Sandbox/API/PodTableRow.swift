import Foundation
import Kubernetes

/// The columns of a pod in `kubectl get pods` (`printPod`).
struct PodTableRow {
    var ready = 0
    var containers: Int
    var status: String
    var restarts: String

    init(_ pod: JSON, now: Date = Date()) {
        let statuses = pod[at: "status.containerStatuses"]?.array ?? []
        containers = pod[at: "spec.containers"]?.array?.count ?? 0
        status = pod[at: "status.reason"]?.string ?? pod[at: "status.phase"]?.string ?? "Unknown"
        if Self.condition("PodScheduled", of: pod)?["reason"]?.string == "SchedulingGated" {
            status = "SchedulingGated"
        }
        let initial = Self.initializing(pod)
        if let initial {
            status = initial
        } else {
            var isRunning = false
            for container in statuses.reversed() {
                let state = container["state"] ?? [:]
                if let reason = state[at: "waiting.reason"]?.string, !reason.isEmpty {
                    status = reason
                } else if let ended = state["terminated"] {
                    status = Self.text(ended)
                } else if container["ready"]?.bool == true, state["running"] != nil {
                    isRunning = true
                    ready += 1
                }
            }
            if status == "Completed", isRunning {
                status = Self.condition("Ready", of: pod)?["status"]?.string == "True" ? "Running" : "NotReady"
            }
        }
        if pod.meta.isDeleting { status = "Terminating" }
        let list = initial == nil ? statuses : pod[at: "status.initContainerStatuses"]?.array ?? []
        let count = list.reduce(0) { $0 + ($1["restartCount"]?.count ?? 0) }
        let last = list.compactMap { $0[at: "lastState.terminated.finishedAt"]?.string.flatMap(APITime.parse) }.max()
        restarts = String(count) + (last.map { count > 0 ? " (\(Age.text(since: $0, now)) ago)" : "" } ?? "")
    }

    private static func initializing(_ pod: JSON) -> String? {
        let statuses = pod[at: "status.initContainerStatuses"]?.array ?? []
        for (index, container) in statuses.enumerated() {
            let state = container["state"] ?? [:]
            if let ended = state["terminated"] {
                if ended["exitCode"]?.integer == 0 { continue }
                return "Init:" + text(ended)
            }
            if let reason = state[at: "waiting.reason"]?.string, !reason.isEmpty, reason != "PodInitializing" {
                return "Init:" + reason
            }
            return "Init:\(index)/\(pod[at: "spec.initContainers"]?.array?.count ?? 0)"
        }
        return nil
    }

    private static func text(_ ended: JSON) -> String {
        if let reason = ended["reason"]?.string, !reason.isEmpty { return reason }
        if let signal = ended["signal"]?.integer, signal != 0 { return "Signal:\(signal)" }
        return "ExitCode:\(ended["exitCode"]?.integer ?? 0)"
    }

    private static func condition(_ type: String, of pod: JSON) -> JSON? {
        (pod[at: "status.conditions"]?.array ?? []).first { $0["type"]?.string == type }
    }
}

/// Ages in kubectl's format (`k8s.io/apimachinery/pkg/util/duration`).
enum Age {
    static func text(since date: Date, _ now: Date) -> String {
        guard date != .distantPast else { return "<unknown>" }
        let seconds = max(0, Int(bounded: now.timeIntervalSince(date)))
        let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400)
        func pair(_ big: Int, _ unit: String, _ small: Int, _ smallUnit: String) -> String {
            small == 0 ? "\(big)\(unit)" : "\(big)\(unit)\(small)\(smallUnit)"
        }
        return switch seconds {
        case ..<120: "\(seconds)s"
        case ..<600: pair(minutes, "m", seconds % 60, "s")
        case ..<10_800: "\(minutes)m"
        case ..<28_800: pair(hours, "h", minutes % 60, "m")
        case ..<172_800: "\(hours)h"
        case ..<691_200: pair(days, "d", hours % 24, "h")
        case ..<63_072_000: "\(days)d"
        default: pair(days / 365, "y", days % 365, "d")
        }
    }
}
