import Foundation
import Kubernetes

/// The objects of a new cluster: namespaces and the node.
extension Objects {
    mutating func createInitialObjects(_ configuration: SandboxConfiguration) throws {
        for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            _ = try create(.namespaces, ["metadata": ["name": .string(name)]])
        }
        let name = configuration.nodeName
        var labels = [
            "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": Self.architecture,
        ]
        labels.merge(configuration.nodeLabels) { $1 }
        let node = try create(.nodes, ["metadata": ["name": .string(name), "labels": .strings(labels)], "spec": [:]])
        let host = configuration.host
        let resources: JSON = [
            "pods": .string(String(min(254, configuration.podCapacity))),
            "cpu": .string(String(ProcessInfo.processInfo.activeProcessorCount)),
            "memory": .string("\(ProcessInfo.processInfo.physicalMemory / 1024)Ki"),
        ]
        _ = try update(.nodes, node.meta.key, .status) {
            var node = $0
            node["status"] = [
                "capacity": resources, "allocatable": resources,
                "addresses": [
                    ["type": "InternalIP", "address": .string(host)], ["type": "Hostname", "address": .string(name)],
                ],
                "conditions": [
                    [
                        "type": "Ready", "status": "True", "reason": "KubeletReady",
                        "message": "the sandbox runs pods as processes", "lastTransitionTime": APITime.now(),
                        "lastHeartbeatTime": APITime.now(),
                    ]
                ],
                "nodeInfo": [
                    "kubeletVersion": .string(ServerVersion.text), "kubeProxyVersion": .string(ServerVersion.text),
                    "operatingSystem": "linux", "architecture": .string(Self.architecture), "osImage": "sandbox",
                    "containerRuntimeVersion": "sandbox://1", "kernelVersion": "", "machineID": "", "systemUUID": "",
                    "bootID": "",
                ],
            ]
            return node
        }
    }

    private static var architecture: String {
        #if arch(arm64)
            "arm64"
        #else
            "amd64"
        #endif
    }

    /// Events are removed after an hour, as in the API server.
    mutating func removeOldEvents() {
        let limit = Date(timeIntervalSinceNow: -3_600)
        for event in list(.events) {
            guard let last = event["lastTimestamp"]?.string.flatMap(APITime.parse), last < limit else { continue }
            remove(.events, event.meta.key)
        }
    }
}
