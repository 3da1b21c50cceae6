import Foundation
import Kubernetes
import ReleaseMachine
import ViridianConfiguration

@testable import Workloads

/// The app, its orders and surveys.
enum Blog {
    static let version = "20151025.143403"
    static let oldVersion = "20151018.090000"
    static let image = "registry.local:5000/blog"

    static func app(
        blue: Int = 30000,
        green: Int = 30001,
        _ configure: (inout AppConfiguration) -> Void = { _ in }
    ) throws -> AppConfiguration {
        var app = try AppConfiguration(
            app: "blog", ports: .init(container: 9000, blue: blue, green: green), image: image)
        configure(&app)
        return app
    }

    static func order(_ number: Int = 42, version: String = Blog.version, image: String? = nil) -> Order {
        Order(
            app: "blog", number: number, version: version, image: image ?? "\(Blog.image):\(version)",
            requestedBy: "anna")
    }

    static func survey(live: Color? = .blue, replicas: Int = 2) -> Survey {
        Survey(
            live: live.map { LiveVersion(color: $0, version: oldVersion) },
            candidate: live?.other ?? .blue,
            replicas: replicas,
            nodes: []
        )
    }

    static let start = Timestamp(milliseconds: 1_445_783_643_000)
}

/// The description of the error that a call throws.
func words<T>(_ body: () async throws -> T) async -> String? {
    do {
        _ = try await body()
        return nil
    } catch {
        return "\(error)"
    }
}

/// A pod as the kubelet writes it, with the given status.
func pod(
    _ status: String,
    name: String = "blog-green-x7f2k",
    spec: String = #"{"containers": [{"name": "blog", "image": "registry.local:5000/blog:20151025.143403"}]}"#,
    metadata more: String = ""
) throws -> JSON {
    try JSON(
        parsing: """
            {"apiVersion": "v1", "kind": "Pod",
             "metadata": {"name": "\(name)", "namespace": "blog", "generateName": "blog-green-",
                          "uid": "0d1c9f1e-7b1f-4b2e-9f52-5f6d3b8f2c11", "labels": {"name": "blog-green"}\(more)},
             "spec": \(spec),
             "status": \(status)}
            """)
}

/// Conditions of a pod that is scheduled and not ready.
let unready = """
    [{"type": "Initialized", "status": "True", "lastProbeTime": null, "lastTransitionTime": "2015-10-25T14:34:03Z"},
     {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastProbeTime": null,
      "message": "containers with unready status: [blog]", "lastTransitionTime": "2015-10-25T14:34:03Z"},
     {"type": "ContainersReady", "status": "False", "reason": "ContainersNotReady",
      "message": "containers with unready status: [blog]", "lastTransitionTime": "2015-10-25T14:34:03Z"},
     {"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": "2015-10-25T14:34:03Z"}]
    """

/// A container's status; `state` and `lastState` as JSON.
func container(_ state: String, last: String = "{}", restarts: Int = 0, name: String = "blog", ready: Bool = false)
    -> String
{
    """
    {"name": "\(name)", "state": \(state), "lastState": \(last), "ready": \(ready), "restartCount": \(restarts),
     "image": "registry.local:5000/blog:20151025.143403", "imageID": "", "started": \(ready)}
    """
}

func waiting(_ reason: String, _ message: String? = nil) -> String {
    let words = message.map { ", \"message\": \(JSON.string($0).text)" } ?? ""
    return "{\"waiting\": {\"reason\": \"\(reason)\"\(words)}}"
}

func terminated(_ code: Int, _ reason: String = "Error", message: String? = nil) -> String {
    let words = message.map { ", \"message\": \(JSON.string($0).text)" } ?? ""
    return """
        {"terminated": {"exitCode": \(code), "reason": "\(reason)"\(words), "startedAt": "2015-10-25T14:34:04Z",
         "finishedAt": "2015-10-25T14:34:05Z", "containerID": "containerd://5b1c"}}
        """
}

let running = #"{"running": {"startedAt": "2015-10-25T14:34:04Z"}}"#

func status(_ containers: String..., phase: String = "Pending", more: String = "") -> String {
    """
    {"phase": "\(phase)", "conditions": \(unready), "hostIP": "10.122.43.70", "startTime": "2015-10-25T14:34:03Z",
     "qosClass": "BestEffort", "containerStatuses": [\(containers.joined(separator: ","))]\(more)}
    """
}

/// A pod that is ready.
func readyPod(_ name: String, restarts: Int = 0) throws -> JSON {
    try pod(
        """
        {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
         "containerStatuses": [\(container(running, restarts: restarts, ready: true))]}
        """,
        name: name)
}
