import Foundation
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// `ci/release.sh`, which all pipelines run, against a server that answers as Viridian does.
@Suite("the release script")
struct ReleaseScriptTests {
    /// The shells of CI systems that are here: dash, bash, and busybox as in Alpine's images.
    private static let shells = [["sh"], ["bash"], ["busybox", "sh"]].filter { Executable.find($0[0]) != nil }

    private func command(
        _ server: String, _ environment: [String: String] = [:], shell: [String] = ["sh"]
    ) throws -> Command {
        let one = configuration([try blog()], server: ServerConfiguration(url: URL(string: server)))
        let script = try #require(
            try Rendering.jenkins.files(one, apps: one.apps, options: .init(scripts: .beside)).last?.text)
        let all = [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "VERSION": "v2",
            "VIRIDIAN_TOKEN": FakeViridian.token, "POLL": "1",
        ].merging(environment) { $1 }
        return Command(shell[0], Array(shell.dropFirst()) + ["-c", script], environment: all)
    }

    private func run(
        _ answers: FakeViridian, _ environment: [String: String] = [:], shell: [String] = ["sh"]
    ) async throws -> (done: Completed, requests: [Received]) {
        try await withServer(answers.script) { server in
            let done = try await command(server.url, environment, shell: shell).run(deadline: .seconds(600))
            return (done, await server.requests.all)
        }
    }

    @Test("the exit status is the release's outcome, which is told", arguments: shells)
    func outcomes(shell: [String]) async throws {
        let failure =
            #""failure":{"phase":"starting","message":"pod \"x\": a\\b\ncrashed","details":["no: {[,]}","b"]},"#
        let rows: [(Reply, String, Int32, String)] = [
            (.release("live"), "live", 0, "blog/42 is live: v2 serves on green\n"),
            (.release("superseded"), "live", 0, "blog/42 is live"),
            (
                .release("failed", ["starting"], failure), "live", 2,
                "blog/42 failed in phase starting: pod \"x\": a\\b crashed\n| no: {[,]}\n| b\nTraffic is where it was: v1\n"
            ),
            (
                .release("paused", ["verifying"], #""deadline":"2015-10-25T15:00:00Z","previewURL":"http://p/","#),
                "paused", 3, "paused for verification until 2015-10-25T15:00:00Z. To promote: http"
            ),
            (
                .release("aborted", ["staging"], #""aborted":{"by":"ann","reason":"wrong title"},"#), "live", 4,
                "blog/42 was given up by ann: wrong title\nTraffic is where it was: v1\n"
            ),
            (.release("rolledBack"), "live", 4, "was given up"),
            (
                .text(#"{"state":"live","needRepair":["10.1.2.3","10.1.2.4"],"phases":[]}"#), "live", 5,
                "To repair: 10.1.2.3 10.1.2.4 (viridian repair blog)\n"
            ),
            (.release("running"), "none", 0, "blog/42: http"),
        ]
        for (reply, wait, status, text) in rows {
            let (done, _) = try await run(FakeViridian(release: reply), ["WAIT": wait], shell: shell)
            #expect(done.termination == .exited(status), "\(done)")
            #expect(done.output.contains(text), "\(done)")
            #expect(done.error == "", "\(done)")
        }
    }

    @Test("what the server refuses is told as it says it, and anything else readably")
    func refused() async throws {
        let page = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body>nginx</body></html>"
        let rows: [(Reply, Int32, String)] = [
            (
                .error(409, "release_running", "blog/41 (v1) is running"), 75,
                "Not released: blog/41 (v1) is running (409"
            ),
            (.error(409, "refused", "no such app"), 1, "Not released: no such app (409 refused)\n"),
            (.error(423, "locked", "ann locked blog until 16:00"), 1, "ann locked blog until 16:00 (423 locked)\n"),
            (
                .error(422, "invalid_value", "a version of at most 128"), 1,
                "a version of at most 128 (422 invalid_value)"
            ),
            (.error(429, "too_many_failures", "too many bad tokens"), 1, "too many bad tokens (429"),
            (.text(page, status: 404), 1, "Not released:  502 Bad Gateway nginx (404)\n"),
            (.text(page, status: 502), 1, "502 Bad Gateway nginx (502)"),
            (.text("", status: 301, headers: ["Location": "https://x/"]), 1, "VIRIDIAN_SERVER has to be"),
            (.text("<html>Welcome</html>"), 1, "Viridian's server?"),
        ]
        for (reply, status, text) in rows {
            let (done, _) = try await run(FakeViridian([FakeViridian.call: [reply]]), ["PATIENCE": "0"])
            #expect(done.termination == .exited(status), "\(done)")
            #expect(done.output.contains(text), "\(done)")
        }
        let (bad, _) = try await run(FakeViridian([:]), ["VIRIDIAN_TOKEN": "vir_x"])
        #expect(bad.termination == .exited(1) && bad.output.contains("(401 unauthorized)"), "\(bad)")
        for (name, value) in [("VERSION", ""), ("VIRIDIAN_TOKEN", " \n"), ("WAIT", "pause")] {
            let (missing, asked) = try await run(FakeViridian([:]), [name: value])
            #expect(missing.termination == .exited(64) && missing.output.contains("\(name) is "), "\(missing)")
            #expect(asked.isEmpty)
        }
    }

    @Test("a request whose answer is lost is repeated with the same key, and waiting goes on when the server is back")
    func outage() async throws {
        let answers = FakeViridian([
            FakeViridian.call: [
                .lost, .error(503, "stopping", "the server is stopping"),
                .text(#"{"delivery":7,"releases":["blog/42"],"queued":[]}"#, status: 202),
            ],
            FakeViridian.release: [
                .release("running", ["discovering", "creating"]), .lost, .error(503, "unavailable", "not yet"),
                .release("running", ["discovering", "creating", "starting"]),
                .release("live", ["discovering", "creating", "starting", "staging", "switching", "done"]),
            ],
        ])
        let (done, requests) = try await run(answers)
        #expect(done.termination == .exited(0), "\(done)")
        let keys = requests.filter { $0.method == "POST" }.compactMap { $0.headers["idempotency-key"] }
        #expect(keys.count == 3 && Set(keys).count == 1, "\(keys)")
        #expect(
            lines(done.output).filter { $0.hasPrefix("blog/42 ") } == [
                "blog/42 discovering", "blog/42 creating", "blog/42 starting", "blog/42 staging", "blog/42 switching",
                "blog/42 is live: v2 serves on green",
            ])
        #expect(done.output.components(separatedBy: "Asking again").count == 3, "once for each outage: \(done)")
    }

    @Test("a server that stays away ends it, and it says that the release goes on")
    func away() async throws {
        let (gone, _) = try await run(
            FakeViridian(release: .release("running"), .lost), ["PATIENCE": "2"])
        #expect(gone.termination == .exited(1), "\(gone)")
        #expect(gone.output.contains("blog/42 goes on, its outcome is not known: http"), "\(gone)")
        let nobody = try unusedPort()
        let done = try await command("http://127.0.0.1:\(nobody)", ["PATIENCE": "1"]).run(deadline: .seconds(600))
        #expect(done.termination == .exited(1), "\(done)")
        #expect(done.output.contains("Whether a release of v2 has begun"), "\(done)")
        #expect(done.error.split(separator: "\n").count == 1, "curl says once why: \(done)")
    }

    @Test("a version that waits is followed once it starts; why it waits is told")
    func queued() async throws {
        let waits = #""queued":[{"app":"blog","version":"v2","waits":"waits for blog/41 (v1), which is draining"}]"#
        let answers = FakeViridian([
            FakeViridian.call: [.text(#"{"delivery":7,"releases":[],\#(waits)}"#, status: 202)],
            FakeViridian.delivery: [
                .text(#"{"id":7,"state":"waiting","releases":[],\#(waits)}"#),
                .text(#"{"id":7,"state":"done","outcome":"started","releases":["blog/42"],"queued":[]}"#),
            ],
            FakeViridian.release: [.release("live")],
        ])
        let (done, _) = try await run(answers)
        #expect(done.termination == .exited(0), "\(done)")
        #expect(
            lines(done.output) == [
                "blog v2 is queued: waits for blog/41 (v1), which is draining",
                "blog/42: \(done.output.firstMatch(of: #/http\S+/#)?.output ?? "")", "blog/42 discovering",
                "blog/42 is live: v2 serves on green",
            ], "\(done)")
    }

    @Test(
        "a version whose place in the queue a newer one takes, and one that is older than what serves, are no failure")
    func superseded() async throws {
        let older = "v2 of blog is older than v3, which waits: its commit is older"
        let ignored = #"{"id":7,"state":"ignored","outcome":"\#(older)","releases":[],"queued":[]}"#
        for (first, status) in [
            (#"{"delivery":7,"releases":[],"queued":[{"waits":"waits for blog/41"}]}"#, 202),
            (#"{"delivery":7,"releases":[],"queued":[],"ignored":"\#(older)"}"#, 200),
        ] {
            let (done, _) = try await run(
                FakeViridian([
                    FakeViridian.call: [.text(first, status: status)], FakeViridian.delivery: [.text(ignored)],
                ]))
            #expect(done.termination == .exited(0), "\(done)")
            #expect(done.output.hasSuffix("blog v2 was not released: \(older)\n"), "\(done)")
        }
    }

    @Test("a version that is being released already is followed to the end of its release", arguments: [200, 202])
    func followed(status: Int) async throws {
        let already = "v2 of blog is being released already (blog/42)"
        let ignored = #""state":"ignored","outcome":"\#(already)","releases":["blog/42"],"queued":[]}"#
        let call =
            status == 200
            ? #"{"delivery":7,"releases":["blog/42"],"ignored":"\#(already)"}"#
            : #"{"delivery":7,"releases":[],"queued":[]}"#
        for (state, exit) in [("live", 0), ("failed", 2), ("aborted", 4)] as [(String, Int32)] {
            let (done, _) = try await run(
                FakeViridian([
                    FakeViridian.call: [.text(call, status: status)],
                    FakeViridian.delivery: [.text(#"{"id":7,"results":[{"state":"ignored"}],\#(ignored)"#)],
                    FakeViridian.release: [.release("running"), .release("running", ["starting"]), .release(state)],
                ]))
            #expect(done.termination == .exited(exit) && done.output.contains("blog/42 starting"), "\(done)")
        }
    }

    @Test(
        "a version that waits already, because a hook named it first, is waited for; one that a person drops is not live"
    )
    func waitsAlready() async throws {
        let waits = #""queued":[{"app":"blog","version":"v2","waits":"v2 of blog waits already: waits for blog/41"}]"#
        let call = Reply.text(#"{"delivery":7,"releases":[],\#(waits)}"#, status: 202)
        let (done, _) = try await run(
            FakeViridian([
                FakeViridian.call: [call],
                FakeViridian.delivery: [
                    .text(#"{"id":7,"state":"waiting","releases":[],\#(waits)}"#),
                    .text(#"{"id":7,"state":"done","outcome":"started blog/42","releases":["blog/42"],"queued":[]}"#),
                ],
                FakeViridian.release: [.release("failed")],
            ]))
        #expect(done.termination == .exited(2), "\(done)")
        #expect(done.output.contains("is queued: v2 of blog waits already: waits for blog/41\n"), "\(done)")
        let dropped = "v2 of blog was dropped from the queue by anna"
        let (gone, _) = try await run(
            FakeViridian([
                FakeViridian.call: [call],
                FakeViridian.delivery: [
                    .text(#"{"id":7,"state":"ignored","outcome":"\#(dropped)","releases":[],"queued":[]}"#)
                ],
            ]))
        #expect(gone.termination == .exited(4) && gone.output.hasSuffix("was not released: \(dropped)\n"), "\(gone)")
    }

    @Test("a version that is live or running already is followed, and a refused or failed delivery is told")
    func already() async throws {
        let (live, _) = try await run(
            FakeViridian([
                FakeViridian.call: [
                    .text(#"{"delivery":7,"releases":["blog/42"],"ignored":"v2 of blog is live already (blog/42)"}"#)
                ],
                FakeViridian.release: [.release("live")],
            ]))
        #expect(live.termination == .exited(0) && live.output.contains("v2 of blog is live already"), "\(live)")
        for (delivery, status) in [
            (#""state":"failed","results":[],"releases":[]"#, 1),
            // The release that is named is the one in the way.
            (#""state":"ignored","results":[{"state":"refused"}],"releases":["blog/41"]"#, 75),
        ] as [(String, Int32)] {
            let (done, _) = try await run(
                FakeViridian([
                    FakeViridian.call: [.text(#"{"delivery":7,"releases":[],"queued":[]}"#, status: 202)],
                    FakeViridian.delivery: [.text(#"{"id":7,\#(delivery),"outcome":"because"}"#)],
                ]))
            #expect(done.termination == .exited(status) && done.output.contains("because"), "\(done)")
        }
    }

    @Test("SIGTERM and SIGINT end it at once, and it says that the release goes on", arguments: [SIGTERM, SIGINT])
    func stopped(signal: Int32) async throws {
        try await withServer(FakeViridian(release: .release("running", ["starting"])).script) { server in
            let (processes, started) = AsyncStream.makeStream(of: Int32.self)
            let done = try await command(server.url, ["POLL": "50"]).run(
                deadline: .seconds(600), onStart: { started.yield($0) },
                onLine: { line in
                    guard line.text == "blog/42 starting" else { return }
                    var process = processes.makeAsyncIterator()
                    if let id = await process.next() { kill(id, signal) }
                })
            #expect(done.termination == .exited(130), "\(done)")
            #expect(
                done.output.contains("blog/42 goes on: \(server.url)/apps/blog/releases/42. To give it up:"), "\(done)")
        }
    }

    @Test("the token is in no list of processes and in no trace, and values with quotation marks arrive as they are")
    func secrets() async throws {
        let fake = FakeViridian(release: .release("live"))
        try await withServer { request, number in
            for process in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
                guard let words = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else { continue }
                #expect(!String(decoding: words, as: UTF8.self).contains(FakeViridian.token), "process \(process)")
            }
            return try await fake.script(request, number)
        } _: { server in
            let reason = #"it's "quoted" \ and $(date)"#
            let command = try command(
                server.url, ["REASON": reason, "VIRIDIAN_TOKEN": FakeViridian.token + "\r\n"], shell: ["sh", "-xe"])
            let done = try await command.run(deadline: .seconds(600))
            #expect(done.termination == .exited(0), "\(done)")
            #expect(!done.output.contains(FakeViridian.token) && !done.error.contains(FakeViridian.token))
            let call = try #require(await server.requests.all.first)
            let sent = try JSONDecoder().decode([String: String].self, from: Data(call.body.utf8))
            #expect(sent["reason"] == reason)
        }
    }
}
