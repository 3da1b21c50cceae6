import Foundation
import HTTPTypes
import Hummingbird
import Kubernetes
import NIOCore

/// `pods/log`.
extension APIServer {
    func answerLog(_ request: Request, _ info: RequestInfo, _ target: ResourceTarget) async throws -> Response {
        let pod = try await store.perform { try $0.get(.pods, target.key) }
        let container = try Self.container(info.query["container"], of: pod)
        let isPrevious = info.flag("previous")
        guard let log = await logs.log(pod: pod.meta.uid, container: container, previous: isPrevious) else {
            throw Self.noLog(pod, container, isPrevious: isPrevious)
        }
        var lines = await log.lines()
        if let seconds = info.number("sinceSeconds") {
            lines.removeAll { $0.time < Date(timeIntervalSinceNow: -Double(seconds)) }
        }
        if let tail = info.number("tailLines") { lines = lines.suffix(max(0, tail)) }
        let isTimed = info.flag("timestamps")
        var text = lines.map { $0.text(timed: isTimed) }.joined()
        if let limit = info.number("limitBytes") {
            text = String(decoding: text.utf8.prefix(max(0, limit)), as: UTF8.self)
        }
        let headers: HTTPFields = [.contentType: "text/plain"]
        guard info.flag("follow") else {
            return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
        }
        let seen = lines.last?.number
        let existing = text
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                try await request.body.consumeWithCancellationOnInboundClose { _ in
                    try await writer.write(ByteBuffer(string: existing))
                    for await line in await log.follow(after: seen) {
                        try await writer.write(ByteBuffer(string: line.text(timed: isTimed)))
                    }
                }
                try await writer.finish(nil)
            })
    }

    private static func container(_ requested: String?, of pod: JSON) throws -> String {
        let names = ["initContainers", "containers"].flatMap { list in
            (pod["spec"]?[list]?.array ?? []).compactMap { $0["name"]?.string }
        }
        let main = (pod[at: "spec.containers"]?.array ?? []).compactMap { $0["name"]?.string }
        guard let requested, !requested.isEmpty else {
            guard main.count == 1 else {
                throw StatusError.badRequest(
                    "a container name must be specified for pod \(pod.meta.name), choose one of: "
                        + "[\(main.joined(separator: " "))]")
            }
            return main[0]
        }
        guard names.contains(requested) else {
            throw StatusError.badRequest("container \(requested) is not valid for pod \(pod.meta.name)")
        }
        return requested
    }

    private static func noLog(_ pod: JSON, _ container: String, isPrevious: Bool) -> StatusError {
        if isPrevious {
            return .badRequest("previous terminated container \"\(container)\" in pod \"\(pod.meta.name)\" not found")
        }
        let statuses =
            (pod[at: "status.containerStatuses"]?.array ?? []) + (pod[at: "status.initContainerStatuses"]?.array ?? [])
        let waiting = statuses.first { $0["name"]?.string == container }?[at: "state.waiting"]
        let reason = waiting?["reason"]?.string ?? "ContainerCreating"
        let why =
            reason.hasSuffix("BackOff") || reason.hasPrefix("Err")
            ? "trying and failing to pull image" : reason
        return .badRequest(
            "container \"\(container)\" in pod \"\(pod.meta.name)\" is waiting to start: \(why)")
    }
}
