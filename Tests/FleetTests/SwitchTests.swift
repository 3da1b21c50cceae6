import Fleet
import Foundation
import Nginx
import Processes
import Testing

/// The shells that a node may have as `sh`, as far as they are installed here.
let shells: [[String]] = [["dash"], ["bash"], ["busybox", "sh"]].filter { words in
    ["/bin/", "/usr/bin/"].contains { FileManager.default.isExecutableFile(atPath: $0 + words[0]) }
}

@Suite struct SwitchTests {
    @Test("the article's file is switched and switched back, and only the word down changes", arguments: shells)
    func articleFlips(shell: [String]) async throws {
        try await withSite { site in
            let fleet = try site.fleet(LocalTransport(shell: shell))
            let there = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            #expect(try site.text() == site.article(live: "green"))
            #expect(try await site.answer() == "green")
            #expect(!there.wasAlreadySwitched && !there.replaced.isEmpty)
            #expect(there.report.livePort == site.green && there.report.token == 1)
            let back = try await fleet.switch(site.upstream, on: site.node, to: site.blue, token: 1)
            #expect(try site.text() == site.article())
            #expect(try await site.answer() == "blue")
            #expect(back.replaced == there.report.workers)
            #expect(try await site.onlyReport(fleet).livePort == site.blue)
        }
    }

    @Test("50 switches under load: no request fails, and none reaches the old colour after a verified switch")
    func fiftyFlips() async throws {
        try await withSite { site in
            let fleet = try site.fleet()
            let stopped = Flag()
            let served = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        var count = 0
                        while await !stopped.isSet {
                            let answer = try await site.answer()
                            #expect(answer == "blue" || answer == "green")
                            count += 1
                        }
                        return count
                    }
                }
                for flip in 1...50 {
                    let isGreen = !flip.isMultiple(of: 2)
                    let port = isGreen ? site.green : site.blue
                    _ = try await fleet.switch(site.upstream, on: site.node, to: port, token: flip)
                    for _ in 0..<10 {
                        let answer = try await site.answer()
                        #expect(answer == (isGreen ? "green" : "blue"), "flip \(flip)")
                    }
                }
                await stopped.set()
                return try await group.reduce(0, +)
            }
            #expect(served > 500)
            #expect(try site.text() == site.article())
        }
    }

    @Test("a switch to the current colour changes neither the file nor nginx")
    func alreadyThere() async throws {
        try await withSite { site in
            let fleet = try site.fleet()
            let before = try await site.onlyReport(fleet)
            let report = try await fleet.switch(site.upstream, on: site.node, to: site.blue, token: 1)
            #expect(report.wasAlreadySwitched && report.replaced.isEmpty)
            #expect(report.report.workers == before.workers)
            #expect(try site.text() == site.article())
        }
    }

    @Test("a switch that was interrupted after writing its file is completed by the next one")
    func writtenButNotLoaded() async throws {
        try await withSite { site in
            let fleet = try site.fleet()
            try site.write(site.article(live: "green"))
            #expect(try await site.answer() == "blue")
            let report = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            #expect(!report.wasAlreadySwitched)
            #expect(try await site.answer() == "green")
        }
    }

    @Test("a reload that nginx refuses although its exit status is 0 is detected, and the file is restored")
    func refusedReload() async throws {
        try await withSite { site in
            let taken = try Listener()
            try site.write("server { listen 127.0.0.1:\(taken.port); }", to: "hosts.d/taken.conf")
            let fleet = try site.fleet()
            let failure = await #expect(throws: NodeFailure.self) {
                try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            }
            guard case .refused(.master, let words, putBack: true) = failure?.reason else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(words.contains { $0.contains("still could not bind()") })
            #expect(try site.text() == site.article())
            #expect(try await site.answer() == "blue")
            let report = try await site.onlyReport(fleet)
            #expect(report.loaded == .yes && report.livePort == site.blue, "\(report.loadedReason)")
            withExtendedLifetime(taken) {}
        }
    }

    @Test(
        "a switch just after staging relies on the reload's own test, and errors of others since then are reported",
        arguments: ["its own file", "/dev/null"])
    func brokenSinceStaging(log: String) async throws {
        try await withSite { site in
            if log == "/dev/null" {
                let main = try String(contentsOfFile: site.nginx.configuration, encoding: .utf8)
                try site.write(main.replacing(/error_log .*;/, with: "error_log /dev/null notice;"), to: "nginx.conf")
                try await site.reloadByHand()
            }
            let fleet = try site.fleet {
                $0.test = site.countedTest
                $0.reload = "nginx -s reload"
            }
            func stage(_ port: Int, token: Int) async throws {
                let plan = StagePlan(port: port, token: token, version: "v", color: "c", release: "blog/\(token)")
                _ = try await fleet.stage(site.upstream, on: site.node, plan)
            }
            try await stage(site.green, token: 1)
            let once = site.tests
            _ = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            #expect(site.tests == once)
            #expect(try await site.answer() == "green")

            try await stage(site.blue, token: 2)
            try site.write("nonsense;", to: "hosts.d/other.conf")
            for expected in [log == "/dev/null" ? NodeFailure.Refusal.test : .master, .test] {
                let failure = await #expect(throws: NodeFailure.self) {
                    try await fleet.switch(site.upstream, on: site.node, to: site.blue, token: 2)
                }
                guard case .refused(expected, let words, putBack: true) = failure?.reason else {
                    Issue.record("\(String(describing: failure))")
                    return
                }
                #expect(words.contains { $0.contains("nonsense") })
                #expect(try site.text() == site.article(live: "green"))
                #expect(try await site.answer() == "green")
            }
            try site.write("", to: "hosts.d/other.conf")
            _ = try await fleet.switch(site.upstream, on: site.node, to: site.blue, token: 2)
            #expect(try await site.answer() == "blue")
        }
    }

    @Test("with a reload command that does nothing the switch fails, and the file is restored")
    func idleReload() async throws {
        try await withSite { site in
            let fleet = try site.fleet {
                $0.reload = "true"
                $0.verify = .milliseconds(300)
            }
            let failure = await #expect(throws: NodeFailure.self) {
                try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            }
            guard case .unverified(let seen, _, putBack: true) = failure?.reason else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(seen.contains("old workers still accept connections"))
            #expect(try site.text() == site.article())
            #expect(try await site.answer() == "blue")
            #expect(try await site.onlyReport(fleet).livePort == site.blue)
        }
    }

    @Test("a reload command that restarts nginx fails the switch")
    func restart() async throws {
        try await withSite { site in
            let fleet = try site.fleet { $0.reload = "kill -TERM $(cat \(site.nginx.pidFile)); exit 0" }
            let failure = await #expect(throws: NodeFailure.self) {
                try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            }
            guard case .unverified(let seen, _, putBack: true) = failure?.reason else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(seen.contains("the reload command must not restart nginx"))
            #expect(try site.text() == site.article())
        }
    }

    @Test("a reload command that fails is reported with its output, and the file is restored")
    func failingReload() async throws {
        try await withSite { site in
            let fleet = try site.fleet { $0.reload = "echo 'Job for nginx.service failed.' >&2; exit 1" }
            let failure = await #expect(throws: NodeFailure.self) {
                try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            }
            #expect(
                failure?.reason == .refused(by: .reload, output: ["Job for nginx.service failed."], putBack: true)
            )
            #expect(try site.text() == site.article())
            #expect(try await site.onlyReport(fleet).livePort == site.blue)
        }
    }

    @Test("a configuration broken by another app's file fails the switch with nginx's message, bytes unchanged")
    func brokenNeighbour() async throws {
        try await withSite { site in
            try site.write("upstream www {\nserver 127.0.0.1:1\n}\n", to: "backends.d/www.conf")
            let fleet = try site.fleet()
            let failure = await #expect(throws: NodeFailure.self) {
                try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            }
            guard case .refused(.test, let words, putBack: true) = failure?.reason else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(words.contains { $0.contains("www.conf:3") })
            #expect(
                failure?.description.hasPrefix("127.0.0.1: nginx does not accept its configuration: nginx: [emerg]")
                    == true)
            #expect(try site.text() == site.article())
            #expect(try await site.answer() == "blue")
        }
    }

    @Test("a reload command that never ends fails at the deadline, and the file is restored")
    func hangingReload() async throws {
        try await withSite { site in
            let fleet = try site.fleet {
                $0.reload = "sleep 1000"
                $0.timeout = .seconds(2)
            }
            let failure = await #expect(throws: NodeFailure.self) {
                try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            }
            // What the script still managed to say after it was told to end counts; on a busy machine it had not begun.
            #expect(
                failure?.description.contains("nginx could not be reloaded") == true || failure?.isUnreachable == true
                    || failure?.reason == .expired)
            #expect(try site.text() == site.article())
            #expect(try await site.answer() == "blue")
            let next = try site.fleet()
            #expect(try await site.onlyReport(next).livePort == site.blue)
            _ = try await next.switch(site.upstream, on: site.node, to: site.green, token: 1)
        }
    }

    @Test("concurrent reloads by others are not taken for ours")
    func foreignReloads() async throws {
        try await withSite { site in
            // nginx reads this after the upstream file, and it takes a while: a reload that began before a switch has read the old
            // upstreams and starts its workers after the new file is there.
            let entries = (0..<20_000).map { "host\($0).example.com \($0);" }.joined(separator: "\n")
            try site.write("map_hash_max_size 65536;\nmap $host $big {\n\(entries)\n}\n", to: "hosts.d/big.conf")
            try await site.reloadByHand()
            let fleet = try site.fleet { $0.test = "true" }
            let stopped = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while await !stopped.isSet {
                        _ = try await Command("sh", ["-c", site.nginx.reload]).run()
                    }
                }
                for flip in 1...8 {
                    let isGreen = !flip.isMultiple(of: 2)
                    let port = isGreen ? site.green : site.blue
                    _ = try await fleet.switch(site.upstream, on: site.node, to: port, token: flip)
                    for _ in 0..<5 {
                        #expect(try await site.answer() == (isGreen ? "green" : "blue"), "flip \(flip)")
                    }
                }
                await stopped.set()
                try await group.waitForAll()
            }
        }
    }

    @Test("a lower number than the node has seen is refused, an equal one is not")
    func fencing() async throws {
        try await withSite { site in
            let newer = try site.fleet()
            let older = try site.fleet()
            _ = try await newer.switch(site.upstream, on: site.node, to: site.green, token: 7)
            let failure = await #expect(throws: NodeFailure.self) {
                try await older.switch(site.upstream, on: site.node, to: site.blue, token: 6)
            }
            #expect(failure?.reason == .fenced(by: 7, token: 6))
            #expect(try site.text() == site.article(live: "green"))
            let plan = StagePlan(port: site.blue, token: 6, version: "v", color: "blue", release: "blog/6")
            await #expect(throws: NodeFailure(site.node, .fenced(by: 7, token: 6))) {
                try await older.stage(site.upstream, on: site.node, plan)
            }
            _ = try await newer.switch(site.upstream, on: site.node, to: site.blue, token: 7)
            #expect(try await site.onlyReport(newer).token == 7)
        }
    }

    @Test("a release that has read the nodes with its fence invalidates older releases' commands")
    func claiming() async throws {
        try await withSite { site in
            let fleet = try site.fleet()
            let readings = await fleet.read(site.upstream, on: [site.node], claiming: 9)
            #expect(readings.first?.report?.token == 9)
            await #expect(throws: NodeFailure(site.node, .fenced(by: 9, token: 8))) {
                try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 8)
            }
            #expect(try site.text() == site.article())
            // A plain reading claims no fence.
            _ = await fleet.read(site.upstream, on: [site.node])
            _ = try await fleet.switch(site.upstream, on: site.node, to: site.green, token: 9)
        }
    }

    @Test("two apps that switch on a node at the same time do not disturb each other's verification")
    func twoApps() async throws {
        try await withSite { site in
            let www = Upstream(app: "www", name: "wwwLB", bluePort: site.blue, greenPort: site.green)
            try site.write(site.article().replacing("blogLB", with: "wwwLB"), to: "backends.d/www.conf")
            try await site.reloadByHand()
            let fleet = try site.fleet()
            async let first = fleet.switch(site.upstream, on: site.node, to: site.green, token: 1)
            async let second = fleet.switch(www, on: site.node, to: site.green, token: 1)
            let reports = try await [first, second]
            #expect(reports.allSatisfy { $0.port == site.green })
            let readings = [try await site.onlyReport(fleet), try #require(try await fleet.read(www)[0].report)]
            #expect(readings.allSatisfy { $0.loaded == .yes && $0.livePort == site.green })
        }
    }
}

actor Flag {
    private(set) var isSet = false
    func set() { isSet = true }
}
