import Controller
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Journal
import NIOCore
import ReleaseMachine

/// Whether the server is well, its metrics, and the description of the API.
extension API {
    @Sendable func health(_ request: Request, _ context: ServerContext) -> Response {
        .plain("ok\n")
    }

    /// Whether a release could start: the journal can be written, and a cluster has answered recently or answers now. Not while the server
    /// stops.
    @Sendable func readiness(_ request: Request, _ context: ServerContext) async throws -> Response {
        var answer = Readiness(ready: true, journal: "ok", cluster: "ok")
        if services.presence.isStopping {
            answer.server = "is stopping"
            answer.ready = false
        }
        do {
            try await services.journal.checkWritable()
            services.metrics.set("viridian_journal_writable", 1)
        } catch {
            services.metrics.set("viridian_journal_writable", 0)
            switch error.kind {
            case .unreachable, .unknown: answer.journal = "cannot be reached"
            case .older: answer.journal = "has the tables of an older version"
            case .moved: answer.journal = "is no longer the file in use"
            default: answer.journal = "cannot be written"
            }
            answer.ready = false
        }
        let clusters = await ClusterAnswers(services)
        answer.cluster = clusters.sentence
        answer.clusters = clusters.byName
        if !clusters.isAnyThere { answer.ready = false }
        return .json(answer, status: answer.ready ? .ok : .serviceUnavailable)
    }

    @Sendable func metrics(_ request: Request, _ context: ServerContext) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
            body: ResponseBody { [metrics = services.metrics] writer in
                try await metrics.write { try await writer.write(ByteBuffer(string: $0)) }
                try await writer.finish(nil)
            })
    }

    @Sendable func description(_ request: Request, _ context: ServerContext) throws -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(string: try OpenAPI.document(version: services.settings.version))))
    }
}
