import Controller
import ReleaseMachine
import Testing
import ViridianConfiguration

@Suite("A pause past its deadline that no process runs")
struct OverduePauseTests {
    private let site = Site()

    private func advice(at now: Timestamp, isServed: Bool = false) async throws -> [String] {
        let releases = try site.releases()
        return AppView(
            app: releases.app, observation: nil, latest: try await releases.latest(), isServed: isServed, now: now
        )
        .advice
    }

    @Test("status reports that it is overdue, and which command runs it")
    func status() async throws {
        let release = try await site.deploy(verify: true, until: .whenPaused)
        let end = try #require(release.verifyDeadline)
        #expect(try await advice(at: end + .seconds(-1)).first?.hasPrefix("blog/1 awaits promotion until") == true)
        let overdue = try #require(try await advice(at: end + .seconds(12)).first)
        #expect(
            overdue.hasPrefix("blog/1 is overdue since \(end.clockTime), and no process runs it: viridian serve, or "))
        #expect(
            overdue.hasSuffix(
                "viridian deploy blog --version \(Site.version), aborts it; viridian abort blog aborts it now"))
        // A server runs it, and ends the pause.
        #expect(try await advice(at: end + .seconds(12), isServed: true).first?.contains("overdue") == false)
    }

    @Test("it cannot be promoted any more, and the process that resumes it aborts it")
    func promote() async throws {
        _ = try await site.deploy(verify: true, until: .whenPaused)
        site.clock.skip(.seconds(122))
        let releases = try site.releases("ben@ci-2")
        let error = await errorText { try await releases.promote(by: "ben", observe: { _, _ in }) }
        #expect(error?.hasPrefix("blog/1 can no longer be promoted: its verification deadline has passed") == true)
        #expect(await errorText { try await releases.requestPromotion(by: "ben") } == error)
        #expect(!site.kinds().contains("promoted"))
        let ended = try await site.deploy(as: "ben@ci-2")
        #expect(ended.state == .aborted)
        #expect(ended.cause == .verificationExpired)
    }

    @Test("with `then: promote` it can be")
    func promotes() async throws {
        let releases = try site.releases { app in
            app.verify = .init(required: true, timeout: .seconds(120), then: .promote)
        }
        let request = AppReleases.Request(version: try Version(Site.version), by: "anna")
        _ = try await site.clock.running {
            try await releases.deploy(request, until: .whenPaused, observe: { _, _ in })
        }
        site.clock.skip(.seconds(122))
        let release = try await site.clock.running { try await releases.promote(by: "ben", observe: { _, _ in }) }
        #expect(release.state == .live)
    }
}
