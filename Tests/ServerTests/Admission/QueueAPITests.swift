import Controller
import Foundation
import Journal
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("The queue, in the API")
struct QueueAPITests {
    @Test("a version that waits for a release is listed with what it waits for, and starts when the release has ended")
    func waits() async throws {
        try await withServer(configure: { $0.whenBusy = .queue }) { server in
            #expect(try await server.deploy("v1", more: #", "verify": true"#).status == 201)
            _ = try await server.release(1, in: .paused)
            let answer = try await server.call(for: "v2")
            #expect(answer.status == 202, "\(answer)")
            let queue = try await server.get("/api/v1/queue")
            let entry = queue.json["queue"][0]
            #expect(entry["app"].string == "blog" && entry["version"].string == "v2", "\(queue)")
            #expect(entry["requestedBy"].string == "anna" && entry["running"].string == "blog/1")
            #expect(entry["waits"].string == "waits for blog/1 (v1), which is paused for verification")
            #expect(entry["delivery"] == answer.json["delivery"])
            let app = try await server.get("/api/v1/apps/blog")
            #expect(app.json["queued"]["version"].string == "v2", "\(app)")
            #expect(app.json["queued"]["waits"] == entry["waits"])
            #expect(try await server.post("/api/v1/apps/blog/releases/1/promote").status == 202)
            let next = try await server.release(2, in: .live)
            #expect(next.order.version == "v2" && next.state == .live)
            #expect(try await server.get("/api/v1/queue").json["queue"].array == [])
            let gone = try await eventually { await server.services.appStates.app("blog")?.queued == nil ? true : nil }
            #expect(gone == true)
        }
    }

    @Test("a version that is dropped does not start; its delivery says who dropped it, and so does the audit log")
    func drop() async throws {
        try await withServer(configure: { $0.whenBusy = .queue }) { server in
            #expect(try await server.call("DELETE", "/api/v1/apps/blog/queue").status == 404)
            #expect(try await server.deploy("v1", more: #", "verify": true"#).status == 201)
            _ = try await server.release(1, in: .paused)
            let answer = try await server.call(for: "v2")
            let viewer = try await server.token(.viewer)
            #expect(try await server.call("DELETE", "/api/v1/apps/blog/queue", token: viewer).status == 403)
            #expect(try await server.call("DELETE", "/api/v1/apps/blog/queue").status == 204)
            #expect(try await server.call("DELETE", "/api/v1/apps/blog/queue").status == 404)
            let id = try #require(answer.json["delivery"].integer)
            let delivery = try await server.get("/api/v1/deliveries/\(id)")
            #expect(delivery.json["state"].string == "ignored", "\(delivery)")
            #expect(delivery.json["outcome"].string == "v2 of blog was dropped from the queue by anna")
            let entry = try #require(try await server.journal.audit(limit: 10).first { $0.outcome == .done })
            #expect(entry.action == "queue.drop" && entry.app == "blog" && entry.who == "anna")
            #expect(entry.detail?.hasPrefix("v2, which waits for blog/1") == true)
            #expect(try await server.post("/api/v1/apps/blog/releases/1/promote").status == 202)
            _ = try await server.release(1, in: .live)
            #expect(try await server.journal.numbers(app: "blog", limit: 1) == [1])
        }
    }

    @Test("a token for some apps sees their queue only")
    func limited() async throws {
        try await withServer(apps: ["blog", "shop"], configure: { $0.whenBusy = .queue }) { server in
            #expect(try await server.deploy("v1", app: "shop", more: #", "verify": true"#).status == 201)
            _ = try await server.release(1, app: "shop", in: .paused)
            #expect(try await server.call(for: "v2", app: "shop").status == 202)
            #expect(try await server.get("/api/v1/queue?app=shop").json["queue"].array.count == 1)
            #expect(try await server.get("/api/v1/queue?app=blog").json["queue"].array == [])
            let limited = try await server.token(.viewer, apps: ["blog"])
            #expect(try await server.get("/api/v1/queue", token: limited).json["queue"].array == [])
            #expect(try await server.get("/api/v1/queue?app=shop", token: limited).status == 403)
        }
    }

    @Test("a version that a lock holds starts when the lock ends")
    func held() async throws {
        try await withServer { server in
            let lock = try await server.post("/api/v1/locks", #"{"app": "blog", "reason": "the move"}"#)
            #expect(try await server.call(for: "v2").status == 202)
            let app = try await server.get("/api/v1/apps/blog")
            #expect(app.json["queued"]["waits"].string?.hasPrefix("blog is locked by anna: the move") == true, "\(app)")
            #expect(try await server.journal.numbers(app: "blog", limit: 1) == [])
            let id = try #require(lock.json["id"].string)
            #expect(try await server.call("DELETE", "/api/v1/locks/\(id)").status == 204)
            #expect(try await server.release(1, in: .live).order.version == "v2")
        }
    }

    @Test("the metrics have what waits, what holds, and how deliveries were answered")
    func metrics() async throws {
        try await withServer(hooks: AdmissionTesting.hooks) { server in
            var metrics = try await server.get("/metrics").text
            #expect(metrics.contains(#"viridian_queue_length{app="blog"} 0"#))
            #expect(metrics.contains(#"viridian_locks{app="blog"} 0"#))
            #expect(try await server.post("/api/v1/locks", #"{"reason": "x"}"#).status == 201)
            #expect(try await server.call(for: "v2").status == 202)
            #expect(try await server.post("/hooks/registry", "{}", token: "").status == 401)
            let isCounted = try await eventually {
                metrics = try await server.get("/metrics").text
                return metrics.contains(#"viridian_queue_length{app="blog"} 1"#) ? true : nil
            }
            #expect(isCounted == true)
            #expect(metrics.contains(#"viridian_locks{app="blog"} 1"#))
            #expect(metrics.contains(#"viridian_deliveries_total{result="accepted",sender="deploy"} 1"#))
            #expect(metrics.contains(#"viridian_deliveries_total{result="unauthorized",sender="registry"} 1"#))
        }
    }
}
