import ArgumentParser
import Controller
import ReleaseMachine
import Server
import ViridianConfiguration

struct LockCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "lock",
        abstract: "Lock an app, or all: no release starts until it is unlocked.",
        discussion: """
            Promote, abort, rollback and repair work all the same, and a running release goes on. What hooks name waits until the lock \
            ends; a person's deploy is refused, unless an administrator gives it --override.
            """
    )

    @Argument(help: "The app. Default: all.", completion: .app) var app: String?
    @Option(help: "Why nothing is to be released.") var reason: String
    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("How long, such as 30m or 2h. Default: until unlocked.", valueName: "duration"))
    var length: String?
    @Flag(help: "Only lock releases that start by themselves: those of hooks, scripts and the registry's tags.")
    var automatic = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if reason.allSatisfy(\.isWhitespace) { throw ValidationError("--reason takes why nothing is to be released") }
        guard let length else { return }
        guard let duration = Duration(text: length), duration > .zero else {
            throw ValidationError("--for takes a duration such as 30m or 2h, of at most a year")
        }
    }

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: false) { client in
            let wanted = NewLock(
                app: app, reason: reason, length: length.flatMap { Duration(text: $0) }, isAutomatic: automatic)
            let lock = try await client.lock(wanted, by: caller())
            if output.output == .json {
                printLine(try lock.jsonLine())
                return .done
            }
            printLine(
                "\(lock.sentence). To unlock: \((["viridian unlock", app]).compactMap(\.self).joined(separator: " "))")
            return .done
        }
    }
}

extension LockView {
    var sentence: String {
        ReleaseLock.sentence(
            app, isAutomatic: automatic, until: until.flatMap { Timestamp(iso8601: $0) }, by: by, reason: reason)
    }
}
