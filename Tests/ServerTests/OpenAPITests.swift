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
        try JSONDecoder().decode(JSONValue.self, from: Data(OpenAPI.document(version: "0.1.0").utf8))
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

    @Test("every reference in it leads somewhere")
    func references() throws {
        let document = try document()
        func check(_ value: JSONValue) {
            switch value {
            case .object(let members):
                if let reference = members["$ref"]?.string {
                    #expect(resolve(reference, document) != .null, "\(reference)")
                }
                for member in members.values { check(member) }
            case .array(let values): for value in values { check(value) }
            default: break
            }
        }
        check(document)
    }

    @Test("real answers are as it says")
    func answers() async throws {
        let document = try document()
        try await withServer(apps: ["blog", "shop"]) { server in
            func hold(_ method: String, _ route: String, _ answer: TestServer.Answer) {
                let operation = document["paths"][route][method.lowercased()]
                var response = operation["responses"]["\(answer.status)"]
                if let reference = response["$ref"].string { response = resolve(reference, document) }
                #expect(response != .null, "\(method) \(route) answers \(answer.status), which is not described")
                let schema = response["content"]["application/json"]["schema"]
                guard schema != .null else { return }
                var problems: [String] = []
                validate(answer.json, schema, document, at: "\(method) \(route) \(answer.status)", &problems)
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
                "/api/v1/apps", "/api/v1/nodes", "/api/v1/audit", "/api/v1/stats", "/api/v1/tokens", "/readyz",
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

/// Where `#/components/…` leads to.
private func resolve(_ reference: String, _ document: JSONValue) -> JSONValue {
    reference.split(separator: "/").dropFirst().reduce(document) { $0[String($1)] }
}

/// The part of JSON Schema that the description uses; what it does not know of is an error, so that nothing is passed over.
private func validate(
    _ value: JSONValue,
    _ schema: JSONValue,
    _ document: JSONValue,
    at place: String,
    _ problems: inout [String]
) {
    if let reference = schema["$ref"].string {
        return validate(value, resolve(reference, document), document, at: place, &problems)
    }
    let alternatives = schema["anyOf"].array
    if !alternatives.isEmpty {
        let found = alternatives.map { alternative in
            var problems: [String] = []
            validate(value, alternative, document, at: place, &problems)
            return problems
        }
        // What is wrong with the first one, where it is none of them.
        if !found.contains([]) { problems += found[0] }
        return
    }
    let options = schema["enum"].array
    if !options.isEmpty, !options.contains(value) { problems.append("\(place): \(value) is none of \(options)") }
    switch (schema["type"].string, value) {
    case ("object", .object(let members)):
        for name in schema["required"].array.compactMap(\.string) where members[name] == nil {
            problems.append("\(place): \(name) is missing")
        }
        for (name, member) in members {
            let described = schema["properties"][name]
            let others = schema["additionalProperties"]
            if described != .null {
                validate(member, described, document, at: "\(place).\(name)", &problems)
            } else if case .object = others {
                validate(member, others, document, at: "\(place).\(name)", &problems)
            } else if schema["properties"] != .null {
                problems.append("\(place): \(name) is not described")
            }
        }
    case ("array", .array(let values)):
        for (index, value) in values.enumerated() {
            validate(value, schema["items"], document, at: "\(place)[\(index)]", &problems)
        }
    case ("string", .string(let text)):
        if schema["format"].string == "date-time", Timestamp(iso8601: text) == nil {
            problems.append("\(place): \(text) is no time")
        }
    case ("integer", .integer), ("number", .integer), ("number", .number), ("boolean", .bool): break
    default: problems.append("\(place): \(value.kind) where \(schema["type"].string ?? "nothing") is described")
    }
}
