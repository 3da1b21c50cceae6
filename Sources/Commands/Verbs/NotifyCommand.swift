import ArgumentParser
import Controller
import Journal
import Server

struct NotifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notify",
        abstract: "Show what was sent to other systems, send it again, and test destinations.",
        discussion: """
            viridian serve tells the destinations under slack, notify and report in the configuration of releases, at least once and in \
            order. What a destination does not accept is retried for a day; what it refuses is failed, with what to do.
            """,
        subcommands: [NotifyListCommand.self, NotifyResendCommand.self, NotifyTestCommand.self]
    )
}

struct NotifyListCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List notifications, with what became of each, newest first.")

    @Argument(help: "The app. Default: all.", completion: .app) var app: String?
    @Flag(help: "Only notifications that are not tried any more: they need somebody.") var failed = false
    @Flag(help: "Only notifications that are still to be sent, for the first time or again.") var pending = false
    @Option(help: ArgumentHelp("Only notifications to this destination.", valueName: "name"), completion: .destination)
    var to: String?
    @Option(help: "Maximum number of notifications.") var limit: Int = 50
    @Option(help: "Only notifications before the one with this id.") var before: Int?
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit takes a number from 1 to 10000") }
        if let before, before < 1 { throw ValidationError("--before takes the id of a notification") }
        if failed, pending { throw ValidationError("--failed and --pending exclude each other") }
    }

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: false, for: .reading) { client in
            let query = NotificationQuery(
                apps: app.map { [$0] }, state: failed ? .failed : pending ? .pending : nil, destination: to,
                before: before)
            let notifications = try await client.notifications(query, limit: limit)
            if output.output == .json {
                for notification in notifications { printLine(try notification.jsonLine()) }
                return .done
            }
            guard !notifications.isEmpty else {
                let isFiltered = failed || pending || to != nil || app != nil || before != nil
                printLine(isFiltered ? "no notification matches" : "nothing was sent to other systems yet")
                return .done
            }
            let list = NotificationTable(notifications, isInteractive: Terminal.current().isInteractive)
            for line in list.lines { guard printLine(line) else { break } }
            return .done
        }
    }
}

/// A line for each notification. On a terminal it is short, and below those that did not arrive is what was answered.
struct NotificationTable {
    let lines: [String]

    init(_ notifications: [NotificationView], isInteractive: Bool) {
        lines = isInteractive ? Self.short(notifications) : Self.whole(notifications)
    }

    private static let header = ["ID", "WHEN (UTC)", "TO", "RELEASE", "MESSAGE", "STATE"]

    private static func row(_ notification: NotificationView) -> [String] {
        [
            "\(notification.id)", notification.at.minute, notification.destination,
            "\(notification.app)/\(notification.release)", notification.message, notification.state.rawValue,
        ]
    }

    private static func whole(_ notifications: [NotificationView]) -> [String] {
        let rows = notifications.map {
            row($0) + ["\($0.attempts)", $0.nextAt?.minute ?? "-", $0.answer ?? "-"]
        }
        return Table(header + ["ATTEMPTS", "NEXT (UTC)", "ANSWER"], rows).lines
    }

    private static func short(_ notifications: [NotificationView]) -> [String] {
        let table = Table(header, notifications.map(row)).lines
        return [table[0]]
            + zip(notifications, table.dropFirst()).flatMap { notification, line in
                [line] + (open(notification).map { ["     \($0)"] } ?? [])
            }
    }

    /// What keeps a notification from being delivered; `nil` when nothing does.
    private static func open(_ notification: NotificationView) -> String? {
        guard [.pending, .failed].contains(notification.state), let answer = notification.answer else { return nil }
        let next = notification.nextAt.map { ", next \($0.minute)" } ?? ""
        return "\(counted(notification.attempts, "attempt"))\(next): \(answer)"
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

struct NotifyTestCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Send a message to a destination that says that it is a test.",
        discussion: """
            Exit status: 0 and what the receiver answered, or 1 and what to do. The forges under report get no message: whether they \
            accept the token is asked for.
            """)

    @Argument(
        help: "The destination: slack, github, gitlab, or a name under notify.", completion: .destination)
    var name: String
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: false) { client in
            let test = try await client.testDestination(name, by: caller())
            if output.output == .json {
                printLine(try test.jsonLine())
            } else if test.delivered {
                printLine("\(test.destination): \(test.answer)")
            } else {
                printError("viridian: \(test.destination): \(test.answer)")
            }
            return test.delivered ? .done : .couldNot
        }
    }
}
