import Foundation
import TestSupport

/// Viridian's server as far as pipelines talk to it: what is to be answered to each request, in order; the last answer stays.
actor FakeViridian {
    static let token = "vir_0123456789abcdef"

    private let answers: [String: [Reply]]
    private var asked: [String: Int] = [:]

    /// - Parameter answers: by method and path: `GET /api/v1/apps/blog/releases/42`.
    init(_ answers: [String: [Reply]]) { self.answers = answers }

    /// One that starts blog/42 at once, whose `state` is this.
    init(release: Reply...) {
        answers = [
            Self.call: [.text(#"{"delivery":7, "releases":["blog/42"], "queued":[]}"#, status: 202)],
            Self.release: release,
        ]
    }

    static let call = "POST /hooks/deploy"
    static let delivery = "GET /api/v1/deliveries/7"
    static let release = "GET /api/v1/apps/blog/releases/42"

    func answer(_ request: Received) -> Reply {
        guard request.headers["authorization"] == "Bearer \(Self.token)" else {
            return .error(401, "unauthorized", "this needs an access token")
        }
        let name = "\(request.method) \(request.path)"
        guard let answers = answers[name], !answers.isEmpty else {
            return .error(404, "not_found", "there is nothing at \(request.path)")
        }
        let number = asked[name, default: 0]
        asked[name] = number + 1
        return answers[min(number, answers.count - 1)]
    }

    nonisolated var script: @Sendable (Received, Int) async throws -> Reply {
        { request, _ in await self.answer(request) }
    }
}

extension Reply {
    static func error(_ status: Int, _ code: String, _ message: String) -> Reply {
        .text(#"{"error":{"code":"\#(code)", "message":"\#(message)", "release":41}}"#, status: status)
    }

    /// A release with this state, after these phases.
    static func release(_ state: String, _ phases: [String] = ["discovering"], _ more: String = "") -> Reply {
        let list = phases.map { #"{"phase":"\#($0)", "startedAt":"2015-10-25T14:34:04.100Z"}"# }.joined(
            separator: ", ")
        return .text(
            #"{"app":"blog", "number":42, "state":"\#(state)", "phase":"\#(phases.last ?? "")","phases":[\#(list)], "#
                + #""color":"green", "nodes":[{"address":"n1", "state":"live", "message":"x"}], "#
                + #""previous":{"color":"blue", "version":"v1"}, \#(more)"needRepair":[]}"#)
    }

    /// The connection breaks before the answer is complete.
    static let lost = Reply(steps: [.write("{"), .drop])
}
