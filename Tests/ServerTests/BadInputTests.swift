import Controller
import Foundation
import HTTPTransport
import Journal
import ReleaseMachine
import Testing

@testable import Server

@Suite("Bad input: the status, the error, and no release")
struct BadInputTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var body: String
        var status: Int
        var code: String
        var field: String?
        var testDescription: String { "\(status) for \(body.prefix(60))" }

        init(_ body: String, _ status: Int, _ code: String, _ field: String? = nil) {
            (self.body, self.status, self.code, self.field) = (body, status, code, field)
        }
    }

    @Test("an error of several lines keeps them, and has no control characters within them")
    func lines() throws {
        let lost = JournalWentBack(
            app: "blog", seen: JournalEnd(release: 2, sequence: 5, at: Timestamp(milliseconds: 0)), found: nil,
            newest: 1)
        let answer = ErrorAnswer(APIError(lost))
        #expect(
            answer.error.message == lost.description && lost.description.contains("Nothing more is done for blog\n"))
        let hostile = ErrorAnswer(APIError(Refusal("one\u{1b}[2J\r\nFORGED\u{2028}", details: ["two\u{7}"])))
        #expect(hostile.error.message == #"one\u{1b}[2J\u{d}\u{a}FORGED\u{2028}"# + "\n" + #"two\u{7}"#)
    }

    static let cases = [
        Case("{", 400, "malformed"),
        Case("not json", 400, "malformed"),
        Case("[]", 400, "malformed"),
        Case("\"v1\"", 400, "malformed"),
        Case("null", 400, "malformed"),
        Case(#"{"version": "v1"} x"#, 400, "malformed"),
        Case(#"{"version": "\ud800"}"#, 400, "malformed"),
        Case(String(repeating: "[", count: 30_000), 400, "malformed"),
        Case(
            #"{"version": "v1", "reason": "# + String(repeating: "[", count: 2000) + String(repeating: "]", count: 2000)
                + "}", 400, "malformed"),
        Case("", 422, "invalid_value", "version"),
        Case("{}", 422, "invalid_value", "version"),
        Case(#"{"version": null}"#, 422, "invalid_value", "version"),
        Case(#"{"version": 1}"#, 422, "invalid_value", "version"),
        Case(#"{"version": ["v1"]}"#, 422, "invalid_value", "version"),
        Case(#"{"version": ""}"#, 422, "invalid_value", "version"),
        Case(#"{"version": "a b"}"#, 422, "invalid_value", "version"),
        Case(#"{"version": "../../etc"}"#, 422, "invalid_value", "version"),
        Case(#"{"version": "<b>v1</b>"}"#, 422, "invalid_value", "version"),
        Case(#"{"version": "v1\u001b[2J"}"#, 422, "invalid_value", "version"),
        Case(#"{"version": "$(reboot)"}"#, 422, "invalid_value", "version"),
        Case(#"{"version": "v1", "replicas": "3"}"#, 422, "invalid_value", "replicas"),
        Case(#"{"version": "v1", "replicas": true}"#, 422, "invalid_value", "replicas"),
        Case(#"{"version": "v1", "replicas": 1.5}"#, 422, "invalid_value", "replicas"),
        Case(#"{"version": "v1", "replicas": 0}"#, 422, "invalid_value", "replicas"),
        Case(#"{"version": "v1", "replicas": 10001}"#, 422, "invalid_value", "replicas"),
        Case(#"{"version": "v1", "replicas": 99999999999999999999}"#, 422, "invalid_value", "replicas"),
        Case(#"{"version": "v1", "verify": "yes"}"#, 422, "invalid_value", "verify"),
        Case(#"{"version": "v1", "verify": 1}"#, 422, "invalid_value", "verify"),
        Case(#"{"version": "v1", "image": "bad image"}"#, 422, "invalid_value", "image"),
        Case(#"{"version": "v1", "commitTime": "yesterday"}"#, 422, "invalid_value", "commitTime"),
        Case(#"{"version": "v1", "reason": "\#(String(repeating: "x", count: 501))"}"#, 422, "invalid_value", "reason"),
        Case(#"{"version": "v1", "force": true}"#, 422, "invalid_value", "force"),
        Case(#"{"version": "v1", "app": "blog"}"#, 422, "invalid_value", "app"),
        Case(#"{"version": "v1", "reason": "\#(String(repeating: "x", count: 70_000))"}"#, 413, "too_large"),
    ]

    @Test("a deploy's body", arguments: cases)
    func deploy(_ bad: Case) async throws {
        try await withServer { server in
            let answer = try await server.post("/api/v1/apps/blog/releases", bad.body)
            #expect(answer.status == bad.status && answer.code == bad.code && answer.field == bad.field, "\(answer)")
            #expect(!answer.message.isEmpty && !answer.text.contains("\u{1b}"))
            #expect(try await server.journal.numbers(app: "blog", limit: 1) == [])
            #expect(try await server.get("/healthz").status == 200)
        }
    }

    @Test("unknown apps, releases, paths and methods")
    func places() async throws {
        try await withServer { server in
            for (method, path, status) in [
                ("GET", "/api/v1/apps/blgo", 404), ("GET", "/api/v1/apps/%3Cb%3E", 404),
                ("GET", "/api/v1/apps/..%2f", 404),
                ("GET", "/api/v1/apps/blog/releases/1", 404), ("GET", "/api/v1/apps/blog/releases/x", 404),
                ("GET", "/api/v1/apps/blog/releases/0", 404), ("GET", "/api/v1/apps/blog/releases/01", 404),
                ("GET", "/api/v1/apps/blog/releases/99999999999999999999", 404),
                ("GET", "/api/v1/apps/blog/releases/-1/events", 404),
                ("POST", "/api/v1/apps/blog/releases/1/promote", 404),
                ("POST", "/api/v1/apps/blog/releases/7/abort", 404), ("GET", "/api", 404), ("GET", "/api/v2/apps", 404),
                ("GET", "/api/v1/nodes?app=blgo", 404), ("DELETE", "/api/v1/tokens/tok_none", 404),
                ("DELETE", "/api/v1/apps/blog", 405), ("PUT", "/api/v1/apps/blog/releases", 405),
                ("GET", "/api/v1/apps/blog/rollback", 405), ("PROPFIND", "/api/v1/apps", 405),
                ("BREW", "/api/v1/apps", 400), ("POST", "/healthz", 405),
                ("POST", "/metrics", 405),
            ] {
                let answer = try await server.call(method, path)
                #expect(answer.status == status, "\(method) \(path): \(answer)")
                if path.hasPrefix("/api"), status != 400 {
                    #expect(answer.code == (status == 404 ? "not_found" : "method_not_allowed"), "\(method) \(path)")
                }
                if status == 405 { #expect(answer.headers["Allow"] != nil, "\(method) \(path)") }
            }
            #expect(try await server.call("DELETE", "/api/v1/apps/blog").headers["Allow"] == "GET, HEAD")
            #expect(try await server.get("/api/v1/apps/blgo").message.contains("did you mean blog?"))
            let head = try await server.call("HEAD", "/api/v1/apps")
            #expect(head.status == 200 && head.text.isEmpty)
            for (path, status) in [
                ("/api/v1/apps/blgo", 404), ("/api/nowhere", 404), ("/api/v1/apps/blog/rollback", 405),
            ] {
                let connection = try RawConnection(port: server.port)
                connection.send(
                    "HEAD \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer \(server.admin)\r\n\r\n"
                )
                let answer = try #require(try await connection.readToEnd())
                #expect(answer.hasPrefix("HTTP/1.1 \(status) ") && answer.hasSuffix("\r\n\r\n"), "\(answer)")
            }
        }
    }

    @Test("a body with another content type than JSON")
    func mediaType() async throws {
        try await withServer { server in
            for type in ["text/plain", "application/x-www-form-urlencoded", "application/xml"] {
                let answer = try await server.post(
                    "/api/v1/apps/blog/releases", #"{"version": "v1"}"#, headers: ["Content-Type": type])
                #expect(answer.status == 415 && answer.code == "unsupported_media_type", "\(type): \(answer)")
            }
            let fine = try await server.post(
                "/api/v1/apps/blog/releases", #"{"version": "v1"}"#,
                headers: ["Content-Type": "Application/JSON; charset=utf-8"])
            #expect(fine.status == 201, "\(fine)")
        }
    }

    @Test("while the cluster does not answer, requests report it, and nothing is lost")
    func down() async throws {
        try await withServer { server in
            await server.world.goDown()
            let answer = try await server.deploy()
            #expect(
                answer.status == 503 && answer.message.hasPrefix("the API does not answer. Nothing was changed"),
                "\(answer)")
            let repair = try await server.post("/api/v1/apps/blog/repair")
            #expect(repair.status == 503 && repair.message.contains("what is live stays live"), "\(repair)")
            #expect(try await server.journal.numbers(app: "blog", limit: 1) == [])
            let app = try await server.get("/api/v1/apps/blog")
            #expect(app.status == 200 && app.json["problem"].string == "the API does not answer", "\(app)")
            await server.world.comeBack()
            #expect(try await server.deploy().status == 201)
        }
    }

    @Test("every response has the security headers")
    func headers() async throws {
        try await withServer { server in
            for path in ["/healthz", "/api/v1/apps", "/nowhere", "/api/nowhere"] {
                let answer = try await server.get(path)
                #expect(answer.headers["X-Content-Type-Options"] == "nosniff", "\(path)")
                #expect(answer.headers["X-Frame-Options"] == "DENY", "\(path)")
                let policy = answer.headers["Content-Security-Policy"] ?? ""
                #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "\(path)")
            }
        }
    }
}
