import ArgumentParser
import Controller
import Server

struct QueueCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Show which versions wait to be released, and for what.",
        discussion: "At most one version of an app waits: the newest that a hook or a script named."
    )

    @Argument(help: "The app. Default: all.", completion: .app) var app: String?
    @Flag(help: "Take the version that waits out of the queue.") var drop = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if drop, app == nil { throw ValidationError("--drop takes an app: viridian queue APP --drop") }
    }

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: false, for: drop ? .writing : .reading) { client in
            let waiting = try await client.queue(of: app)
            if drop, let app { try await client.dropQueued(app, by: caller()) }
            if output.output == .json {
                for entry in waiting { printLine(try entry.jsonLine()) }
                return .done
            }
            if drop {
                for entry in waiting { printLine("\(entry.version) of \(entry.app) no longer waits") }
                return .done
            }
            if waiting.isEmpty { printLine(app.map { "no version of \($0) waits" } ?? "no version waits") }
            for entry in waiting {
                printLine("\(entry.app)  \(entry.version): \(entry.waits)")
                printLine("  since \(entry.since.minute) UTC, requested by \(entry.requestedBy)")
            }
            return .done
        }
    }
}
