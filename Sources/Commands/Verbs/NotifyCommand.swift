import ArgumentParser
import Controller
import Journal
import Server

struct NotifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notify",
        abstract: "Show what was sent to other systems, and send it again.",
        discussion: """
            viridian serve reports releases to the destinations under report in the configuration, at least once and in order. What a \
            destination does not accept is retried for a day; what it refuses is failed, with what to do.
            """,
        subcommands: [NotifyListCommand.self, NotifyResendCommand.self]
    )
}

struct NotifyListCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List notifications, with what became of each, newest first.")

    @Argument(help: "The app. Default: all.", completion: .app) var app: String?
    @Option(help: "Maximum number of notifications.") var limit: Int = 50
    @Option(help: "Only notifications before the one with this id.") var before: Int?
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit takes a number from 1 to 10000") }
        if let before, before < 1 { throw ValidationError("--before takes the id of a notification") }
    }

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: false, for: .reading) { client in
            let notifications = try await client.notifications(of: app, limit: limit, before: before)
            if output.output == .json {
                for notification in notifications { printLine(try notification.jsonLine()) }
                return .done
            }
            guard !notifications.isEmpty else {
                printLine("nothing was sent to other systems yet")
                return .done
            }
            let rows = notifications.map { notification in
                [
                    "\(notification.id)", notification.at, notification.destination,
                    "\(notification.app)/\(notification.release)", notification.message, notification.state.rawValue,
                    "\(notification.attempts)", notification.answer ?? "-",
                ]
            }
            let header = ["ID", "WHEN", "TO", "RELEASE", "MESSAGE", "STATE", "ATTEMPTS", "ANSWER"]
            for line in Table(header, rows).lines { printLine(line) }
            return .done
        }
    }
}

struct NotifyResendCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "resend",
        abstract: "Send a notification again, or a pending one now.",
        discussion: """
            The server sends it, or at its next start, unless the destination has to be left alone for a while. What the receiver has \
            already is not made twice there, and a status is not sent after a later one of the same release.
            """)

    @Argument(help: "The notification's id, as shown by notify list.") var id: Int
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard id > 0 else { throw ValidationError("a notification's id is a number such as 42") }
    }

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: false) { client in
            let notification = try await client.resendNotification(id, by: caller())
            if output.output == .json {
                printLine(try notification.jsonLine())
                return .done
            }
            printLine(
                "\(notification.message) of \(notification.app)/\(notification.release) will be sent to "
                    + "\(notification.destination) again")
            return .done
        }
    }
}
