import Foundation
import Journal
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

@Suite("Answers about versions, the queue, locks and deliveries are as the API's description says")
struct DescribedAnswersTests {
    @Test("of every call, done and refused")
    func answers() async throws {
        let document = try JSONDecoder().decode(JSONValue.self, from: Data(try OpenAPI.document(version: "1").utf8))
        @Sendable func hold(_ method: String, _ route: String, _ status: Int, _ answer: TestServer.Answer) {
            #expect(answer.status == status, "\(method) \(route): \(answer)")
            let operation = document["paths"][route][method.lowercased()]
            let response = JSONSchema.resolve(operation["responses"]["\(answer.status)"], in: document)
            #expect(response != .null, "\(method) \(route) answers \(answer.status), which is not described")
            let schema = response["content"]["application/json"]["schema"]
            guard schema != .null else { return #expect(answer.text.isEmpty, "\(method) \(route): \(answer)") }
            let problems = JSONSchema(schema, in: document).problems(answer.json, at: "\(method) \(route)")
            #expect(problems.isEmpty, "\(problems)\n\(answer)")
        }
        let freezes = [try AdmissionTesting.freeze(of: "shop")]
        let configure: @Sendable (inout AppConfiguration) -> Void = {
            $0.whenBusy = .queue
            $0.releaseOn = ReleaseTriggers(tags: ["v*"])
        }
        try await withServer(
            apps: ["blog", "shop"], configure: configure, hooks: AdmissionTesting.hooks, freezes: freezes
        ) { server in
            let limited = try await server.token(.viewer, apps: ["shop"])
            let locks = "/api/v1/locks"
            hold("POST", locks, 201, try await server.post(locks, #"{"app": "blog", "reason": "x", "for": "2h"}"#))
            hold("POST", locks, 422, try await server.post(locks, "{}"))
            hold("POST", locks, 400, try await server.post(locks, "["))
            hold("POST", locks, 403, try await server.post(locks, #"{"reason": "x"}"#, token: limited))
            hold("POST", locks, 404, try await server.post(locks, #"{"app": "nope", "reason": "x"}"#))
            let list = try await server.get(locks)
            hold("GET", locks, 200, list)
            #expect(list.json["freezes"].array.count == 1)
            hold("GET", locks, 401, try await server.get(locks, token: "x"))

            let deploy = "/hooks/deploy"
            hold("POST", deploy, 202, try await server.call(for: "v1"))
            hold("POST", deploy, 422, try await server.post(deploy, #"{"app": "blog"}"#))
            hold("POST", deploy, 404, try await server.call(for: "v1", app: "nope"))
            hold(
                "POST", deploy, 403, try await server.post(deploy, #"{"app": "shop", "version": "v1"}"#, token: limited)
            )
            hold("POST", "/hooks/registry", 202, try await server.push("v2", "b"))
            hold("POST", "/hooks/registry", 401, try await server.post("/hooks/registry", "{}", token: ""))
            hold("POST", "/hooks/quay", 404, try await server.post("/hooks/quay", "{}", token: ""))
            let nonsense = try await server.post(
                "/hooks/registry", "[]", token: "", headers: ["Authorization": "Bearer tell"])
            hold("POST", "/hooks/registry", 400, nonsense)
            for (path, status) in [("", 200), ("?limit=1", 200), ("?limit=0", 422), ("?app=nope", 404)] {
                hold("GET", "/api/v1/deliveries", status, try await server.get("/api/v1/deliveries" + path))
            }
            hold("GET", "/api/v1/deliveries/{id}", 200, try await server.get("/api/v1/deliveries/1"))
            hold("GET", "/api/v1/deliveries/{id}", 404, try await server.get("/api/v1/deliveries/99"))

            let versions = "/api/v1/apps/{app}/versions"
            hold("GET", versions, 200, try await server.get("/api/v1/apps/blog/versions"))
            hold("GET", versions, 422, try await server.get("/api/v1/apps/blog/versions?before=x"))
            hold("GET", versions, 403, try await server.get("/api/v1/apps/blog/versions", token: limited))
            hold("GET", "/api/v1/queue", 200, try await server.get("/api/v1/queue"))
            hold("GET", "/api/v1/queue", 403, try await server.get("/api/v1/queue?app=blog", token: limited))
            hold("GET", "/api/v1/apps/{app}", 200, try await server.get("/api/v1/apps/blog"))
            hold("POST", "/api/v1/apps/{app}/releases", 423, try await server.deploy("v9"))
            hold("POST", "/api/v1/apps/{app}/releases", 423, try await server.deploy("v9", app: "shop"))
            let over = try await server.deploy("v9", app: "shop", more: #", "override": true, "reason": "y""#)
            hold("POST", "/api/v1/apps/{app}/releases", 201, over)
            hold("POST", deploy, 200, try await server.call(for: "v9", app: "shop"))

            let queue = "/api/v1/apps/{app}/queue"
            hold("DELETE", queue, 204, try await server.call("DELETE", "/api/v1/apps/blog/queue"))
            hold("DELETE", queue, 404, try await server.call("DELETE", "/api/v1/apps/blog/queue"))
            let id = try #require(list.json["locks"][0]["id"].string)
            hold("DELETE", "/api/v1/locks/{id}", 204, try await server.call("DELETE", "/api/v1/locks/\(id)"))
            hold("DELETE", "/api/v1/locks/{id}", 404, try await server.call("DELETE", "/api/v1/locks/\(id)"))
        }
    }
}
