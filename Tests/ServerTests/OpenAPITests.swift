import Controller
import Foundation
import HTTPTypes
import Journal
import ReleaseMachine
import Testing

@testable import Server

@Suite("The description of the API is true")
struct OpenAPITests {
    private func document() throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(try OpenAPI.document(version: "0.1.0").utf8))
    }

    @Test("it describes every route of the API, and no other")
    func routes() async throws {
        let paths = try document()["paths"]
        try await withServer { server in
            let routes = Routes()
            API(server.services).add(to: routes)
            let registered = Set(routes.entries.map { "\($0.method.rawValue) \($0.path)" })
            var described: Set<String> = []
            guard case .object(let members) = paths else { return }
            for (path, item) in members {
                guard case .object(let operations) = item else { continue }
                for method in operations.keys where method != "parameters" {
                    described.insert("\(method.uppercased()) \(path)")
                }
            }
            #expect(registered == described)
        }
    }

    /// Every object in the document, with where it is.
    private func objects(_ value: JSONValue, at place: String = "#") -> [(place: String, members: [String: JSONValue])]
    {
        switch value {
        case .object(let members):
            [(place, members)] + members.flatMap { objects($0.value, at: "\(place)/\($0.key)") }
        case .array(let values): values.enumerated().flatMap { objects($0.element, at: "\(place)/\($0.offset)") }
        default: []
        }
    }

    @Test("every reference in it leads somewhere")
    func references() throws {
        let document = try document()
        for (place, members) in objects(document) {
            guard let reference = members["$ref"]?.string else { continue }
            #expect(JSONSchema.resolve(.object(members), in: document) != .null, "\(place): \(reference)")
            #expect(members.count == 1, "\(place): readers pass over what is beside a $ref")
        }
    }

    @Test("nothing under components is there that no path leads to")
    func unused() throws {
        let document = try document()
        var used: Set<String> = []
        var open = [document["paths"]]
        while let value = open.popLast() {
            for (_, members) in objects(value) {
                guard let reference = members["$ref"]?.string, used.insert(reference).inserted else { continue }
                open.append(JSONSchema.resolve(.object(members), in: document))
            }
        }
        for kind in ["schemas", "parameters", "responses", "headers", "requestBodies"] {
            guard case .object(let members) = document["components"][kind] else { continue }
            for name in members.keys.sorted() {
                #expect(used.contains("#/components/\(kind)/\(name)"), "\(kind): \(name)")
            }
        }
    }

    @Test("it has no value that is missing, as a comma in a description makes one")
    func missingValues() throws {
        for (place, members) in objects(try document()) {
            for (name, value) in members { #expect(value != .null, "\(place): \(name)") }
        }
    }

    @Test("every call has a name of its own, a summary and a tag")
    func operations() throws {
        let document = try document()
        let tags = document["tags"].array.compactMap { $0["name"].string }
        var names: Set<String> = []
        for (place, members) in objects(document["paths"]) where members["responses"] != nil {
            let name = try #require(members["operationId"]?.string, "\(place)")
            #expect(names.insert(name).inserted, "\(name)")
            #expect(members["summary"]?.string?.isEmpty == false, "\(place)")
            let own = members["tags"]?.array.compactMap(\.string) ?? []
            #expect(own.count == 1 && own.allSatisfy(tags.contains), "\(place)")
        }
        #expect(document["info"]["version"].string == "0.1.0")
    }

    @Test("every example is as its schema says")
    func examples() throws {
        let document = try document()
        var count = 0
        for (place, members) in objects(document) {
            guard let example = members["example"] else { continue }
            count += 1
            let schema = JSONSchema(members["schema"] ?? .object(members), in: document)
            #expect(schema.problems(example, at: place) == [])
        }
        #expect(count > 30)
    }

    @Test("a request takes the fields that it describes, and no other")
    func requests() async throws {
        let document = try document()
        try await withServer { server in
            for (path, address) in [
                ("/api/v1/apps/{app}/releases", "/api/v1/apps/blog/releases"),
                ("/api/v1/apps/{app}/releases/{number}/promote", "/api/v1/apps/blog/releases/1/promote"),
                ("/api/v1/apps/{app}/releases/{number}/abort", "/api/v1/apps/blog/releases/1/abort"),
                ("/api/v1/apps/{app}/rollback", "/api/v1/apps/blog/rollback"),
                ("/api/v1/apps/{app}/repair", "/api/v1/apps/blog/repair"), ("/api/v1/tokens", "/api/v1/tokens"),
                ("/api/v1/locks", "/api/v1/locks"), ("/hooks/deploy", "/hooks/deploy"),
                ("/api/v1/notifications/test", "/api/v1/notifications/test"),
            ] {
                let body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
                let described = JSONSchema(body, in: document).properties.keys.sorted()
                let refusal = try await server.post(address, #"{"nope": 1}"#)
                #expect(refusal.status == 422 && refusal.field == "nope", "\(refusal)")
                let list = refusal.message.split(separator: "the fields are ").dropFirst().first ?? ""
                #expect(list.split(separator: ", ").map(String.init).sorted() == described, "\(refusal)")
            }
        }
    }

    @Test("what is encoded is what it describes: every property, and which may be missing")
    func types() throws {
        let document = try document()
        func hold<Value: Codable>(_ type: Value.Type, _ name: String) throws {
            let schema = JSONSchema(document["components"]["schemas"][name], in: document)
            let fullest = schema.fullest
            let value = try JSONDecoder().decode(type, from: Data(fullest.jsonLine().utf8))
            #expect(schema.differences(from: value, at: name) == [])
            // What it describes and nobody reads would be gone.
            #expect(try JSONDecoder().decode(JSONValue.self, from: Data(value.jsonLine().utf8)) == fullest)
        }
        try hold(AppList.self, "AppList")
        try hold(ReleaseList.self, "ReleaseList")
        try hold(NodeList.self, "NodeList")
        try hold(RepairView.self, "RepairReport")
        try hold(VersionList.self, "VersionList")
        try hold(QueueList.self, "QueueList")
        try hold(LockList.self, "LockList")
        try hold(DeliveryList.self, "DeliveryList")
        try hold(DeliveryAnswer.self, "DeliveryAnswer")
        try hold(AuditList.self, "AuditList")
        try hold(NotificationList.self, "NotificationList")
        try hold(DestinationTest.self, "DestinationTest")
        try hold(StatisticsView.self, "Statistics")
        try hold(TokenList.self, "TokenList")
        try hold(ServerList.self, "ServerList")
        try hold(Readiness.self, "Readiness")
        try hold(ErrorAnswer.self, "Error")
        let schemas = document["components"]["schemas"]
        let states = schemas["NotificationState"]["enum"].array.compactMap(\.string)
        #expect(states == OutboxNotification.State.allCases.map(\.rawValue))
        #expect(schemas["Phase"]["enum"].array.compactMap(\.string) == Phase.allCases.map(\.rawValue))
        let versions = schemas["Version"]["properties"]["state"]["enum"].array.compactMap(\.string)
        #expect(versions == VersionState.allCases.map(\.rawValue))
        #expect(schemas["Role"]["enum"].array.compactMap(\.string) == Role.allCases.map(\.rawValue))
    }

    @Test("a property that is not described, or not encoded, or may be missing though it is required, is noticed")
    func noticed() throws {
        struct Answer {
            var required: Int?
            var undescribed = 1
            var list = [1]
        }
        let text = #"""
            {"type": "object", "required": ["required", "list"], "properties": {
              "required": {"type": "integer"}, "list": {"type": "array", "items": {"type": "integer"}},
              "unencoded": {"type": "string"}}}
            """#
        let value = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        let schema = JSONSchema(value, in: value)
        #expect(
            schema.differences(from: Answer(), at: "Answer").sorted() == [
                "Answer: required may be missing", "Answer: undescribed is encoded, and is not described",
                "Answer: unencoded is described, and is not encoded",
            ])
        let found: JSONValue = .object(["list": .array([.string("1")]), "other": .null])
        #expect(schema.problems(found, at: "Answer").count == 3)
    }

    @Test("what is encoded of an event is what it describes")
    func events() throws {
        let document = try document()
        var order = Order(
            app: "blog", number: 2, kind: .rollback(from: 1), version: "v1", image: "registry.local:5000/blog:v1",
            replicas: 2, verify: true, requestedBy: "anna", reason: "why", commitTime: .init(milliseconds: 0),
            removeStrays: true)
        (order.commit, order.source, order.ref) = ("2a3b4c5", "https://github.com/a/blog", "main")
        order.isOlder = true
        (order.isAutomatic, order.overrode) = (true, "blog is locked by anna: x")
        order.live = Order.LiveCommit(version: "v2", commit: "1f2e3d4")
        (order.rules.approvals, order.rules.approvers) = (2, .others)
        order.rules.previewURL = "http://preview.blog.domain.com/"
        let release = try #require(
            Release(RecordedEvent(sequence: 1, at: .init(milliseconds: 0), event: .requested(order))))
        let live = LiveVersion(color: .blue, version: "v2")
        let trouble = NodeProblem(node: "10.0.0.1", isUnreachable: true, message: "no answer")
        let pods = PodsReport(
            ready: 1, desired: 2,
            pods: [PodSummary(name: "blog-green-x", isReady: false, reason: "crashes", restarts: 3)],
            warnings: ["quota"], images: [RunningImage(image: "blog:v1", id: "sha256:1", pods: 1)])
        let reading = NodeReading(node: "10.0.0.1", color: .blue, isDown: true, message: "edited")
        func hold(_ event: Event) throws {
            let name = EventFields(event).type
            let schemas = document["components"]["schemas"]
            let view = EventView(
                RecordedEvent(sequence: 1, at: .init(milliseconds: 0), event: event), text: ["text"], after: release)
            let schema = JSONSchema(schemas["Event"], in: document)
            #expect(schema.differences(from: view, at: "Event") == [])
            let json = try JSONDecoder().decode(JSONValue.self, from: Data(view.jsonLine().utf8))
            #expect(schema.problems(json, at: name) == [])
            let fields = JSONSchema(schemas["EventFields"], in: document)
            #expect(fields.differences(from: EventFields(event), at: name) == [])
            #expect(
                schemas["EventFields"]["properties"]["type"]["description"].string?.contains("`\(name)`") == true)
        }
        for event: Event in [
            .requested(order), .promoted(by: "anna"), .approved(by: "anna"),
            .promotionForced(by: "anna", reason: "why"), .abortRequested(by: "anna", reason: "why"),
            .supersedeRequested(version: "v3", by: "registry"),
            .lossAccepted(by: "ann", reason: "gone", isLive: false, readings: [reading]),
            .discovered(
                Survey(live: live, candidate: .green, replicas: 2, nodes: ["10.0.0.2"], unreachable: [trouble])),
            .candidateCreated, .candidateDelayed(until: .init(milliseconds: 0)), .podsObserved(pods), .podsReady,
            .nodePrepared(node: "10.0.0.2"), .nodeStaged(node: "10.0.0.2"), .candidateConfirmed,
            .nodeSwitched(node: "10.0.0.2"), .nodeReverted(node: "10.0.0.2"), .nodeFailed(.change, trouble),
            .nodesLeft(["10.0.0.1"]), .liveRecorded(.green),
            .drained(DrainEvidence(open: [.init(node: "10.0.0.2", connections: 1, oldWorkers: 1)])),
            .readBack([reading]), .oldRemoved, .oldRetained(until: .init(milliseconds: 0)), .candidateRemoved,
            .refused(.switchNode(node: "10.0.0.2"), message: "no", details: ["line"]),
            .troubled(.recordLive(.green), message: "no"), .deadlinePassed(.starting), .takenUp(by: "server-2"),
            .resumed(milliseconds: 5), .said(LogMessage(source: "10.0.0.2", "line")),
            .replaced(by: 3, rolledBack: false),
        ] {
            try hold(event)
        }
    }

    @Test("real answers are as it says")
    func answers() async throws {
        let document = try document()
        try await withServer(apps: ["blog", "shop"]) { server in
            func hold(_ method: String, _ route: String, _ answer: TestServer.Answer) {
                let operation = document["paths"][route][method.lowercased()]
                var response = operation["responses"]["\(answer.status)"]
                response = JSONSchema.resolve(response, in: document)
                #expect(response != .null, "\(method) \(route) answers \(answer.status), which is not described")
                let schema = response["content"]["application/json"]["schema"]
                guard schema != .null else { return }
                let problems = JSONSchema(schema, in: document)
                    .problems(answer.json, at: "\(method) \(route) \(answer.status)")
                #expect(problems.isEmpty, "\(problems)\n\(answer)")
            }
            let releases = "/api/v1/apps/{app}/releases"
            await server.world.breakVersion("crash")
            hold("POST", releases, try await server.deploy("crash"))
            _ = try await server.release(1, in: .failed)
            hold("POST", releases, try await server.deploy(more: #", "verify": true, "reason": "why""#))
            hold("POST", releases, try await server.deploy("v2"))
            hold("POST", releases, try await server.deploy("v 2"))
            hold("POST", releases, try await server.post("/api/v1/apps/blog/releases", "{"))
            hold("POST", releases, try await server.deploy("v2", app: "nope"))
            hold("POST", releases, try await server.post("/api/v1/apps/blog/releases", "{}", token: "x"))
            _ = try await server.release(2, in: .paused)
            let one = "/api/v1/apps/{app}/releases/{number}"
            hold("GET", one, try await server.get("/api/v1/apps/blog/releases/2"))
            hold("POST", one + "/promote", try await server.post("/api/v1/apps/blog/releases/2/promote"))
            _ = try await server.release(2, in: .live)
            hold("POST", one + "/abort", try await server.post("/api/v1/apps/blog/releases/2/abort"))
            for number in 1...2 {
                hold("GET", one, try await server.get("/api/v1/apps/blog/releases/\(number)"))
                hold("GET", one + "/events", try await server.get("/api/v1/apps/blog/releases/\(number)/events"))
                let journal = try await server.get("/api/v1/apps/blog/releases/\(number)/events?form=journal")
                #expect(journal.json["events"][0]["event"]["requested"] != .null, "\(journal)")
                hold("GET", one + "/events", journal)
                hold("GET", one + "/events", try await server.get("/api/v1/apps/blog/releases/\(number)/events?form=x"))
            }
            hold("GET", releases, try await server.get("/api/v1/apps/blog/releases"))
            hold("GET", releases, try await server.get("/api/v1/apps/blog/releases?limit=0"))
            hold(
                "POST", "/api/v1/apps/{app}/rollback",
                try await server.post("/api/v1/apps/blog/rollback", #"{"to": "v7"}"#))
            hold("POST", "/api/v1/apps/{app}/repair", try await server.post("/api/v1/apps/blog/repair"))
            for path in [
                "/api/v1/apps", "/api/v1/nodes", "/api/v1/audit", "/api/v1/notifications", "/api/v1/stats",
                "/api/v1/tokens", "/api/v1/servers", "/readyz",
            ] {
                hold("GET", path, try await server.get(path))
            }
            hold("GET", "/api/v1/apps/{app}", try await server.get("/api/v1/apps/blog"))
            hold("GET", "/api/v1/apps/{app}", try await server.get("/api/v1/apps/nope"))
            hold("POST", "/api/v1/tokens", try await server.post("/api/v1/tokens", #"{"name": "x", "role": "viewer"}"#))
            hold("POST", "/api/v1/tokens", try await server.post("/api/v1/tokens", "{}"))
            hold("DELETE", "/api/v1/tokens/{id}", try await server.call("DELETE", "/api/v1/tokens/x"))
            let document = try await server.get("/openapi.json")
            #expect(document.json["openapi"].string == "3.0.3")
        }
    }
}
