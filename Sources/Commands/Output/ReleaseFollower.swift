import Controller
import Foundation
import ReleaseMachine

/// Shows a release while it runs, on a terminal, as lines or as JSON, and how it ended.
struct ReleaseFollower {
    var output: OutputFormat
    var terminal = Terminal.current()

    func run(
        _ body: (@escaping Engine.Observer) async throws -> Release
    ) async throws -> ExitStatus {
        Outcome(try await follow(body)).exitStatus
    }

    func follow(
        _ body: (@escaping Engine.Observer) async throws -> Release
    ) async throws -> Release {
        let release: Release
        switch output {
        case .json:
            release = try await body { _, _ in }
            printLine(try ReleaseView(release).jsonLine())
        case .text where terminal.isInteractive:
            release = try await live(body)
        case .text:
            let log = Log()
            release = try await body { recorded, release in await log.write(recorded, release) }
        }
        return release
    }

    private func live(_ body: (@escaping Engine.Observer) async throws -> Release) async throws -> Release {
        let view = ProgressView(terminal: terminal) { SystemClock().now }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await view.tick() }
            defer { group.cancelAll() }
            do {
                let release = try await body { recorded, release in await view.show(recorded, release) }
                await view.finish()
                let outcome = Outcome(release)
                if release.state.hasEnded {
                    let style: Terminal.Style = outcome.exitStatus == .done ? .green : .red
                    printLine(terminal.styled(outcome.sentence, style))
                    for line in outcome.fix { printLine("  \(line)") }
                } else if release.state == .paused, await view.hasDrawn {
                    printLine(
                        "To promote: viridian promote \(release.order.app)    To abort: viridian abort \(release.order.app)"
                    )
                }
                return release
            } catch {
                await view.finish()
                throw error
            }
        }
    }
}

/// Prints events as lines of text.
private actor Log {
    private var formatter = EventFormatter()

    func write(_ recorded: RecordedEvent, _ release: Release) {
        for line in formatter.lines(recorded, release) { printLine(line) }
    }
}
