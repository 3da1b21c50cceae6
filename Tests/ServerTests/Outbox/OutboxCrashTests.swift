import Foundation
import Integrations
import Journal
import ReleaseMachine
import TestSupport
import Testing
import ViridianConfiguration

@testable import Server

@Suite("A server that dies while it reports a release: nothing is lost, nothing is there twice")
struct OutboxCrashTests {
    private let token = "0123456789secret"

    private func gitHub(_ url: String) throws -> DeploymentDestination {
        let forge = try GitHubDeployments(.init(token: Secret(token), api: try #require(URL(string: url))))
        return DeploymentDestination(
            name: "github", forge: forge, environment: "production", server: "https://deploy.domain.com", apps: [])
    }

    private func gitLab(_ url: String) throws -> DeploymentDestination {
        let api = try #require(URL(string: "\(url)/api/v4"))
        return DeploymentDestination(
            name: "gitlab", forge: try GitLabDeployments(.init(token: Secret(token), api: api)),
            environment: "production", server: "https://deploy.domain.com", apps: [])
    }

    /// Runs two releases of the same commit, the second of which replaces the first, and dies right after the forge acted on request number
    /// `fatal`. Then a new process goes on.
    /// - Returns: whether it died.
    private func run(
        _ bench: OutboxBench, source: String, weather: ForgeWeather, fatal: Int,
        _ destination: @escaping @Sendable () throws -> DeploymentDestination
    ) async throws -> Bool {
        let isDead = Switch(true)
        let first = Task {
            let own = try destination()
            var process = try await bench.begin([own])
            for number in 1...2 {
                try await bench.request(process.journal, number, source: source)
                for event in OutboxBench.course {
                    try await bench.add([event], process.journal, number)
                    try await process.project()
                    try await process.send()
                }
            }
            try await bench.add([.replaced(by: 2, rolledBack: false)], process.journal, 1)
            try await process.project()
            try await process.sendAll()
            isDead.turnOff()
            await own.close()
        }
        await weather.interrupt(after: fatal) { first.cancel() }
        _ = await first.result

        let own = try destination()
        var process = try await bench.begin([own])
        for number in 1...2 where try await process.journal.events(app: "blog", number: number).isEmpty {
            try await bench.request(process.journal, number, source: source)
        }
        for number in 1...2 {
            let known = try await process.journal.events(app: "blog", number: number).count
            try await bench.add(Array(OutboxBench.course.dropFirst(known - 1)), process.journal, number)
        }
        if try await process.journal.events(app: "blog", number: 1).count == OutboxBench.course.count + 1 {
            try await bench.add([.replaced(by: 2, rolledBack: false)], process.journal, 1)
        }
        try await process.project()
        try await process.sendAll()
        let states = try await process.states()
        #expect(states.allSatisfy { $0.hasSuffix(": delivered") }, "died after request \(fatal): \(states)")
        await own.close()
        return isDead.isOn
    }

    @Test("on GitHub, at every request")
    func atGitHub() async throws {
        var deaths = 0
        for fatal in 0..<40 {
            let forge = FakeGitHub(token: token, commits: ["mike/blog": [OutboxBench.commit]])
            let bench = try OutboxBench()
            let died = try await withServer({ request, _ in await forge.answer(request) }) { server in
                try await run(bench, source: "\(server.url)/mike/blog", weather: forge.weather, fatal: fatal) {
                    try gitHub(server.url)
                }
            }
            let deployments = await forge.deployments
            #expect(
                deployments.map { $0.statuses.map(\.state) } == [
                    ["queued", "in_progress", "success", "inactive"], ["queued", "in_progress", "success"],
                ], "died after request \(fatal)")
            #expect(deployments.map { $0.payload.contains("blog\\/1") } == [true, false])
            if !died { break }
            deaths += 1
        }
        #expect(deaths == 9)
    }

    @Test("on GitLab, at every request")
    func atGitLab() async throws {
        var deaths = 0
        for fatal in 0..<40 {
            let bench = try OutboxBench()
            let forge = FakeGitLab(
                token: token, projects: ["group/blog": .init(commits: [OutboxBench.commit])],
                now: { Date(timeIntervalSince1970: Double(bench.clock.now.milliseconds) / 1000) })
            let died = try await withServer({ request, _ in await forge.answer(request) }) { server in
                try await run(bench, source: "\(server.url)/group/blog", weather: forge.weather, fatal: fatal) {
                    try gitLab(server.url)
                }
            }
            let deployments = await forge.deployments
            #expect(
                deployments.map(\.statuses) == [["running", "success"], ["running", "success"]],
                "died after request \(fatal)")
            if !died { break }
            deaths += 1
        }
        #expect(deaths == 6)
    }

    @Test("a forge that is down or busy meanwhile gets the same in the end")
    func weather() async throws {
        let forge = FakeGitHub(token: token, commits: ["mike/blog": [OutboxBench.commit]])
        let bench = try OutboxBench()
        for (number, reply) in [
            (0, Reply.text("<html>", status: 502)), (2, Reply.text("{}", status: 429, headers: ["Retry-After": "3"])),
            (3, Reply(status: 500)), (5, Reply(status: 503, steps: [.drop])),
        ] {
            await forge.weather.refuse(number, with: reply)
        }
        try await withServer({ request, _ in await forge.answer(request) }) { server in
            let died = try await run(
                bench, source: "\(server.url)/mike/blog", weather: forge.weather, fatal: 999
            ) { try gitHub(server.url) }
            #expect(!died)
        }
        #expect(
            await forge.deployments.map { $0.statuses.map(\.state) } == [
                ["queued", "in_progress", "success", "inactive"], ["queued", "in_progress", "success"],
            ])
    }

    @Test("a release goes to the forge of its source only, one without a source to none")
    func homes() async throws {
        let both = [try gitHub("https://api.github.com"), try gitLab("https://gitlab.domain.com")]
        func destinations(_ source: String?) throws -> [String] {
            let order = Order(
                app: "blog", number: 1, version: "v1", image: "blog:v1", requestedBy: "anna",
                commit: OutboxBench.commit, source: source)
            let first = RecordedEvent(sequence: 1, at: .init(milliseconds: 0), event: .requested(order))
            let milestones = try #require(Milestones([first]))
            return try both.flatMap { try $0.messages(for: milestones) }.map(\.destination)
        }
        #expect(try destinations("https://github.com/mike/blog.git") == ["github"])
        #expect(try destinations("git@gitlab.domain.com:group/sub/blog.git") == ["gitlab"])
        #expect(try destinations("https://codeberg.org/mike/blog") == [])
        #expect(try destinations(nil) == [])
        for destination in both { await destination.close() }
    }
}
