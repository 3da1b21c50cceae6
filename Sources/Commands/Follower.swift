import Controller
import Foundation
import ReleaseMachine

/// Shows a release while it runs, in the way that fits where the output goes, and tells how it ended.
struct Follower {
    var output: OutputFormat
    var terminal = Terminal.current()

    func run(
        _ body: (@escaping Engine.Observer) async throws -> Release
    ) async throws -> ExitStatus {
        let release: Release
        switch output {
        case .json:
            release = try await body { _, _ in }
            say(try ReleaseView(release).jsonLine())
        case .text where terminal.isInteractive:
            release = try await live(body)
        case .text:
            let log = Log()
            release = try await body { recorded, release in await log.tell(recorded, release) }
        }
        return Outcome(release).exitStatus
    }

    private func live(_ body: (@escaping Engine.Observer) async throws -> Release) async throws -> Release {
        let view = LiveView(terminal: terminal) { SystemClock().now }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await view.tick() }
            defer { group.cancelAll() }
            do {
                let release = try await body { recorded, release in await view.show(recorded, release) }
                await view.finish()
                let outcome = Outcome(release)
                if release.state.hasEnded {
                    let style: Terminal.Style = outcome.exitStatus == .done ? .green : .red
                    say(terminal.styled(outcome.sentence, style))
                    for line in outcome.mend { say("  \(line)") }
                } else if release.state == .paused {
                    say("Go on: viridian promote \(release.order.app)    Give up: viridian abort \(release.order.app)")
                }
                return release
            } catch {
                await view.finish()
                throw error
            }
        }
    }
}

/// One line an event.
private actor Log {
    private var narrator = Narrator()

    func tell(_ recorded: RecordedEvent, _ release: Release) {
        for line in narrator.lines(recorded, release) { say(line) }
    }
}
