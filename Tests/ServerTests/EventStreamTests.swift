import Controller
import Foundation
import HTTPTransport
import Journal
import JournalSQLite
import ReleaseMachine
import Testing

@testable import Server

@Suite("Event streams")
struct EventStreamTests {
    @Test("a stream continues after the viewer's last event")
    func resume() async throws {
        try await withServer { server in
            _ = try await server.deploy()
            _ = try await server.release(1, in: .live)
            let path = "/api/v1/apps/blog/releases/1/events"
            let all = try await server.messages(path)
            let last = try #require(all.compactMap(\.id).last)
            #expect(try await server.messages(path, after: 5).compactMap(\.id) == Array(6...last))
            #expect(try await server.messages(path, after: last).map(\.type) == ["end"])
            #expect(try await server.messages(path, after: last + 100).map(\.type) == ["end"])
            #expect(try await server.messages("\(path)?after=\(last - 1)").compactMap(\.id) == [last])
            let page = try await server.get("\(path)?after=2&limit=3")
            #expect(page.json["events"].array.compactMap { $0["sequence"].integer } == [3, 4, 5])
            #expect(page.json["next"].integer == 5)
            #expect(try await server.get("\(path)?after=\(last - 1)").json["next"].isNull)
            // The stream equals the list.
            let first = try JSONDecoder().decode(JSONValue.self, from: Data(all[0].data.utf8))
            #expect(try await server.get("\(path)?limit=1").json["events"][0] == first)
        }
    }

    @Test("the connection of a stream is closed after its end, and the response announces it")
    func connectionClose() async throws {
        try await withServer { server in
            _ = try await server.deploy()
            _ = try await server.release(1, in: .live)
            let connection = try RawConnection(port: server.port)
            connection.send(
                "GET /api/v1/apps/blog/releases/1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
                    + "Authorization: Bearer \(server.admin)\r\n\r\n")
            let answer = try #require(try await connection.readToEnd(), "the connection is still open")
            #expect(answer.lowercased().contains("connection: close\r\n"), "\(answer.prefix(500))")
            #expect(answer.contains("event: end"), "\(answer.suffix(200))")
        }
    }

    @Test("events of another process reach the viewers")
    func foreign() async throws {
        try await withServer { server in
            _ = try await server.deploy(more: #", "verify": true"#)
            _ = try await server.release(1, in: .paused)
            async let messages = server.messages("/api/v1/apps/blog/releases/1/events")
            let other = try Journal(path: server.journal.name)
            let port = AuditedJournal(journal: other, requestOrigin: RequestOrigin(origin: "cli@ci-1"))
            let apps = FakeApps(
                world: server.world, journal: port.journal, me: "cli", configurations: server.apps.configurations)
            _ = try await apps.releases("blog", port.requestOrigin).requestAbort(by: "bert", reason: "lunch")
            #expect(
                try await messages.contains {
                    $0.data.contains(#""event":{"by":"bert","reason":"lunch","type":"abortRequested"}"#)
                })
            let audit = try await server.get("/api/v1/audit").json["entries"].array
            #expect(audit.contains { $0["action"].string == "abort" && $0["origin"].string == "cli@ci-1" })
        }
    }

    @Test("every viewer gets every event, and heartbeats while nothing happens")
    func viewers() async throws {
        try await withServer(settings: { $0.heartbeat = .milliseconds(200) }) { server in
            _ = try await server.deploy(more: #", "verify": true"#)
            _ = try await server.release(1, in: .paused)
            let path = "/api/v1/apps/blog/releases/1/events"
            try await withThrowingTaskGroup(of: [Int].self) { group in
                for _ in 0..<40 {
                    group.addTask { try await server.messages(path).compactMap(\.id) }
                }
                #expect(try await heartbeats(2, server, path))
                _ = try await server.post("/api/v1/apps/blog/releases/1/promote")
                var received: Set<[Int]> = []
                for try await ids in group { received.insert(ids) }
                let newest = try await server.journal.events(app: "blog", number: 1).count
                #expect(received.count == 1 && received.first == Array(1...newest))
            }
            let isGone = try await eventually {
                server.services.metrics.text.contains("viridian_event_streams 0\n") ? true : nil
            }
            #expect(isGone == true)
        }
    }

    @Test("a viewer that stops reading for a while gets every event once, in order, and delays no other")
    func slowViewer() async throws {
        try await withServer { server in
            _ = try await server.deploy(more: #", "verify": true"#)
            _ = try await server.release(1, in: .paused)
            let path = "/api/v1/apps/blog/releases/1/events"
            let headers: HTTPConnection.Headers = [
                "Authorization": "Bearer \(server.admin)", "Accept": "text/event-stream",
            ]
            let slow = try await server.http.lines(.init("GET", path, headers: headers))
            var lines = slow.makeAsyncIterator()
            var seen: [Int] = []
            func read(to last: Int) async throws {
                while (seen.last ?? 0) < last, let line = try await lines.next()?.text {
                    if line.hasPrefix("id: ") { seen.append(Int(line.dropFirst(4)) ?? 0) }
                }
            }
            let paused = try await server.journal.events(app: "blog", number: 1).count
            try await read(to: paused)
            // More than the sockets' buffers hold, in parts: it falls behind, catches up and falls behind again.
            let last = paused + 300
            async let others = server.messages(path) { $0.last?.id == last }.compactMap(\.id)
            for number in (paused + 1)...last {
                let text = String(repeating: "\(number) ", count: 3000)
                try await server.journal.append(
                    RecordedEvent(sequence: number, at: SystemClock().now, event: .said(.init(text))), app: "blog",
                    number: 1)
                if number == paused + 200 { try await read(to: paused + 50) }
            }
            #expect(try await others == Array(1...last))
            try await read(to: last)
            #expect(seen == Array(1...last))
            // From here on it gets events as they happen.
            _ = try await server.post("/api/v1/apps/blog/releases/1/abort", #"{"reason": "enough"}"#)
            var isEnd = false
            while !isEnd, let line = try await lines.next()?.text { isEnd = line == "event: end" }
            #expect(isEnd)
        }
    }

    @Test("the state of a release changes when a newer one replaces it")
    func summaries() async throws {
        try await withServer { server in
            let appStates = server.services.appStates
            func known() async throws -> [Int: ReleaseSummary] {
                await appStates.refresh()
                return Dictionary(uniqueKeysWithValues: try await appStates.summaries("blog").map { ($0.number, $0) })
            }
            _ = try await server.deploy("v1")
            #expect(try await known()[1]?.endedAt == nil)
            _ = try await server.release(1, in: .live)
            #expect(try await known()[1]?.state == .live)
            _ = try await server.deploy("v2")
            #expect(try await known()[1]?.hasBeenLive == true)
            _ = try await server.release(2, in: .live)
            let isReplaced = try await eventually { try await known()[1]?.replacedBy == 2 ? true : nil }
            #expect(isReplaced == true)
            #expect(try await known()[2]?.state == .live)
            #expect(try await server.get("/api/v1/apps/blog/releases/1").json["state"].string == "superseded")
        }
    }

    private func heartbeats(_ count: Int, _ server: TestServer, _ path: String) async throws -> Bool {
        let headers: HTTPConnection.Headers = [
            "Authorization": "Bearer \(server.admin)", "Accept": "text/event-stream", "Last-Event-ID": "1000",
        ]
        var seen = 0
        for try await line in try await server.http.lines(.init("GET", path, headers: headers)) {
            if line.text.hasPrefix(":") { seen += 1 }
            if seen == count { return true }
        }
        return false
    }

    @Test("changes of all apps that the token may see")
    func changes() async throws {
        try await withServer(apps: ["blog", "shop"]) { server in
            let token = try await server.token(.viewer, apps: ["shop"])
            async let seen = server.messages("/api/v1/events", token: token) { messages in
                messages.contains { $0.data.contains(#""state":"live""#) }
            }
            // Changes before the stream is open are not sent.
            let isOpen = try await eventually {
                server.services.metrics.text.contains("viridian_event_streams 1\n") ? true : nil
            }
            #expect(isOpen == true)
            _ = try await server.deploy(app: "blog")
            _ = try await server.release(1, app: "blog", in: .live)
            _ = try await server.deploy(app: "shop")
            let messages = try await seen.filter { !$0.data.isEmpty }
            #expect(messages.allSatisfy { $0.data.contains(#""app":"shop""#) && !$0.data.contains(#""app":"blog""#) })
        }
    }

    private static let streams = ["/api/v1/events", "/api/v1/apps/blog/releases/1/events"]

    /// Opens both kinds of stream, runs `body`, and returns when both have ended.
    private func ended(
        _ server: TestServer, _ headers: HTTPConnection.Headers, after act: () async throws -> Void
    ) async throws {
        var headers = headers
        headers["Accept"] = "text/event-stream"
        try await withThrowingTaskGroup(of: Void.self) { [headers] group in
            for path in EventStreamTests.streams {
                let lines = try await server.http.lines(.init("GET", path, headers: headers, deadline: testLimit))
                try #require(lines.status == 200)
                group.addTask { for try await _ in lines {} }
            }
            try await act()
            try await group.waitForAll()
        }
        for path in EventStreamTests.streams {
            let again = try await server.http.send(.init("GET", path, headers: headers, deadline: testLimit))
            #expect(again.status == 401)
        }
    }

    private func paused(_ server: TestServer) async throws {
        _ = try await server.deploy(more: #", "verify": true"#)
        _ = try await server.release(1, in: .paused)
    }

    @Test("a stream ends at once when its token is revoked or its user signs out")
    func revoked() async throws {
        try await withServer(settings: { $0.heartbeat = .seconds(3600) }) { server in
            try await paused(server)
            let made = try await server.post("/api/v1/tokens", #"{"name": "ci", "role": "viewer"}"#)
            let (id, token) = (made.json["id"].string ?? "", made.json["token"].string ?? "")
            try await ended(server, ["Authorization": "Bearer \(token)"]) {
                let answer = try await server.call("DELETE", "/api/v1/tokens/\(id)")
                #expect(answer.status == 204, "\(answer)")
            }
            let visit = try #require(
                try await server.services.authenticator.signIn(bearing: server.admin, origin: "test"))
            let cookie = "viridian_session=\(visit.cookie)"
            try await ended(server, ["Cookie": cookie]) {
                let answer = try await server.call(
                    "POST", "/signout", token: "", headers: ["Cookie": cookie, "X-CSRF-Token": visit.session.csrf])
                #expect(answer.status == 303, "\(answer)")
            }
        }
    }

    @Test("a stream ends with the next heartbeat when another process has revoked its token")
    func revokedElsewhere() async throws {
        try await withServer(settings: { $0.heartbeat = .milliseconds(200) }) { server in
            try await paused(server)
            let other = TokenIssuer(journal: try Journal(path: server.journal.name))
            let made = try await other.create(
                name: "ci", role: .viewer, by: "test", origin: "test", at: SystemClock().now)
            try await ended(server, ["Authorization": "Bearer \(made.token.text)"]) {
                let isRevoked = try await other.revoke(
                    made.record.id, by: "test", origin: "test", at: SystemClock().now)
                #expect(isRevoked)
            }
        }
    }

    @Test("stopping the server ends its streams properly, at once")
    func stop() async throws {
        // A stream that does not end by itself would be cut off only after the time for which the test waits.
        let cut = testLimit + .seconds(120)
        let (viewer, stopping) = try await withServer(settings: { $0.shutdownLimit = cut }) { server in
            _ = try await server.deploy(more: #", "verify": true"#)
            _ = try await server.release(1, in: .paused)
            let watching = Task { try await server.messages("/api/v1/apps/blog/releases/1/events") }
            let isOpen = try await eventually {
                server.services.metrics.text.contains("viridian_event_streams 1\n") ? true : nil
            }
            #expect(isOpen == true)
            return (watching, ContinuousClock.now)
        }
        #expect(ContinuousClock.now - stopping < testLimit)
        let messages = try await viewer.value
        #expect(messages.count > 3 && messages.last?.type == "message")
    }
}
