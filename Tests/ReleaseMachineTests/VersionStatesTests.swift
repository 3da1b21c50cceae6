import Testing

@testable import ReleaseMachine

@Suite("What has become of a version")
struct VersionStatesTests {
    private static let start = Timestamp(milliseconds: 1_445_783_643_000)

    private func version(_ name: String, minute: Int, digest: String? = nil) -> PushedVersion {
        PushedVersion(
            app: "blog", version: name, digest: digest ?? "sha256:\(name)",
            pushedAt: Self.start + .seconds(60 * minute), sender: "registry")
    }

    /// A release of a version, after these events.
    private func release(_ number: Int, _ name: String, minute: Int, _ events: [Event], kind: Order.Kind = .deploy)
        throws -> Release
    {
        let order = Order(
            app: "blog", number: number, kind: kind, version: name, image: "blog:\(name)@sha256:\(name)",
            requestedBy: "anna")
        let all = [Event.requested(order)] + events
        return try #require(
            Release(
                folding: all.enumerated().map { index, event in
                    RecordedEvent(
                        sequence: index + 1, at: Self.start + .seconds(60 * minute + index), event: event)
                }))
    }

    private let aborted: [Event] = [.abortRequested(by: "anna", reason: nil)]

    @Test("without a release everything is available")
    func available() {
        let states = VersionStates(Admission(app: "blog", releases: []))
        #expect(states.state(of: version("v1", minute: 0)).state == .available)
    }

    @Test("what a release is bringing is releasing; what came before is older, what came after is available")
    func releasing() throws {
        let running = try release(7, "v2", minute: 20, [])
        let versions = ["v1", "v2", "v3"].enumerated().map { version($1, minute: $0 * 10 + 10) }
        let states = VersionStates(Admission(app: "blog", releases: [running], versions: versions))
        #expect(versions.map { states.state(of: $0).state } == [.older, .releasing, .available])
        #expect(states.state(of: versions[1]).release == 7)
    }

    @Test("what goes back or was aborted has failed, and makes nothing else older")
    func failed() throws {
        let ended = try release(7, "v2", minute: 20, aborted)
        #expect(ended.isBackingOut)
        let states = VersionStates(Admission(app: "blog", releases: [ended]))
        let failed = states.state(of: version("v2", minute: 10))
        #expect(failed.state == .failed && failed.release == 7)
        #expect(states.state(of: version("v1", minute: 0)).state == .available)
    }

    @Test("the newest release of a version counts")
    func again() throws {
        let releases = [try release(8, "v2", minute: 30, []), try release(7, "v2", minute: 20, aborted)]
        let states = VersionStates(Admission(app: "blog", releases: releases))
        #expect(states.state(of: version("v2", minute: 10)).state == .releasing)
    }

    @Test("what waits is queued, and held while a lock or a freeze holds, also one for automatic releases only")
    func queued() {
        let queued = version("v2", minute: 10)
        var admission = Admission(app: "blog", releases: [], queued: queued)
        #expect(VersionStates(admission).state(of: queued).state == .queued)
        #expect(VersionStates(admission).state(of: version("v1", minute: 0)).state == .older)
        admission.holds = [Admission.Hold("blog is locked", isAutomatic: true)]
        #expect(VersionStates(admission).state(of: queued).state == .held)
    }

    @Test("what a rollback has replaced was rolled back, also before it is marked so")
    func rollback() throws {
        var rolledBack = try release(7, "v2", minute: 20, [])
        rolledBack.state = .live
        var live = try release(8, "v1", minute: 30, [], kind: .rollback(from: 7))
        live.state = .live
        let states = VersionStates(Admission(app: "blog", releases: [live, rolledBack]))
        #expect(states.state(of: version("v2", minute: 10)).state == .rolledBack)
        #expect(states.state(of: version("v1", minute: 0)).state == .live)
    }

    @Test("another image of the same tag is another version")
    func movedTag() throws {
        let running = try release(7, "v2", minute: 20, [])
        let states = VersionStates(Admission(app: "blog", releases: [running]))
        #expect(states.state(of: version("v2", minute: 40, digest: "sha256:other")).state == .available)
    }
}
