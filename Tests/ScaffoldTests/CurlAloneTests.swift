import Foundation
import Processes
import TestSupport
import Testing

/// The script on the page `docs/ci.md`, as somebody copies it.
@Suite("curl alone")
struct CurlAloneTests {
    @Test("the page's script ends as the release does, also through the queue and outages")
    func page() async throws {
        let started = Reply.text(#"{"delivery":7,"releases":["blog/42"],"queued":[]}"#, status: 202)
        let waiting =
            #"{"delivery":7,"releases":[],"queued":[{"app":"blog","version":"v2","waits":"waits for blog/41"}]}"#
        let events = FakeViridian.release + "/events"
        func end(_ state: String) -> Reply { .text("event: end\ndata: {\"state\":\"\(state)\"}\n\n") }
        let rows: [([String: [Reply]], Int32, String)] = [
            ([FakeViridian.call: [started], events: [end("live")]], 0, "blog/42: live\n"),
            ([FakeViridian.call: [started], events: [end("failed")]], 2, "blog/42: failed\n"),
            ([FakeViridian.call: [started], events: [end("aborted")]], 4, "blog/42: aborted\n"),
            ([FakeViridian.call: [.lost, started], events: [.lost, end("live")]], 0, "blog/42: live\n"),
            (
                [
                    FakeViridian.call: [.text(waiting, status: 202)],
                    FakeViridian.delivery: [
                        .text(#"{"id":7,"state":"waiting","releases":[],"results":[{"state":"waiting"}]}"#), .lost,
                        .text(#"{"id":7,"state":"done","releases":["blog/42"],"results":[{"state":"started"}]}"#),
                    ],
                    events: [end("live")],
                ], 0, "blog/42: live\n"
            ),
            (
                [
                    FakeViridian.call: [.text(waiting, status: 202)],
                    FakeViridian.delivery: [.text(#"{"id":7,"state":"ignored","outcome":"older","releases":[]}"#)],
                ], 0, "older"
            ),
            (
                [
                    FakeViridian.call: [.text(waiting, status: 202)],
                    FakeViridian.delivery: [
                        .text(
                            #"{"id":7,"state":"ignored","releases":["blog/42"],"results":[{"state":"ignored"}]}"#)
                    ],
                    events: [end("failed")],
                ], 2, "blog/42: failed\n"
            ),
            (
                [
                    FakeViridian.call: [
                        .text(#"{"delivery":7,"releases":["blog/42"],"ignored":"is being released already"}"#)
                    ],
                    events: [end("aborted")],
                ], 4, "blog/42: aborted\n"
            ),
            (
                [
                    FakeViridian.call: [.text(waiting, status: 202)],
                    FakeViridian.delivery: [
                        .text(
                            #"{"id":7,"state":"ignored","outcome":"v2 was dropped from the queue by anna","releases":[]}"#
                        )
                    ],
                ], 4, "dropped"
            ),
            ([FakeViridian.call: [.error(409, "release_running", "blog/41 runs")]], 75, "blog/41 runs"),
            ([FakeViridian.call: [.error(423, "locked", "ann locked blog")]], 1, "ann locked blog"),
        ]
        try await withFolder { folder in
            let repository = try await SampleRepository(at: folder + "/repository")
            for (answers, status, text) in rows {
                try await withServer(FakeViridian(answers).script) { server in
                    let environment = [
                        "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "VERSION": "v2",
                        "VIRIDIAN_TOKEN": FakeViridian.token,
                    ]
                    let command = Command(
                        "sh", ["-xe"], environment: environment, workingDirectory: repository.path,
                        input: try CIPage.script(server: server.url))
                    let done = try await command.run(deadline: .seconds(600))
                    #expect(done.termination == .exited(status), "\(done)")
                    #expect(done.output.contains(text), "\(done)")
                    #expect(!done.error.contains(FakeViridian.token))
                    let calls = await server.requests.all.filter { $0.method == "POST" }
                    #expect(Set(calls.compactMap { $0.headers["idempotency-key"] }).count == 1)
                    let sent = try JSONDecoder().decode([String: String].self, from: Data(calls[0].body.utf8))
                    #expect(
                        sent == [
                            "app": "blog", "version": "v2", "commit": repository.commit,
                            "commitTime": repository.commitTime,
                        ])
                }
            }
        }
    }

    @Test("shellcheck has nothing to say about it", .enabled(if: Executable.find("shellcheck") != nil))
    func shellcheck() async throws {
        let checked = try await Command("shellcheck", ["-"], input: try CIPage.script(server: "http://127.0.0.1")).run(
            deadline: .seconds(600))
        #expect(checked.succeeded, "\(checked.output)")
    }
}
