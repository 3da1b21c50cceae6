import ArgumentParser
import Controller
import Foundation
import Journal
import ReleaseMachine
import Server
import ViridianConfiguration

struct JournalPruneCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Delete releases that are older than what is to be kept.",
        discussion: """
            Does now what a server does every hour where viridian.yaml has keep, also while servers run: deletes the events of releases that \
            ended that long ago, versions that belong to none of the others, and locks that have ended. Releases that have not ended, the \
            newest 50 of each app, and the newest 50 of each app that went live stay whatever their age; the audit log stays whole. To keep \
            what is deleted elsewhere, export or back up first.
            """
    )

    @Option(help: ArgumentHelp("How old, of at least 90d. Default: keep in viridian.yaml.", valueName: "duration"))
    var olderThan: String?
    @Flag(help: "Only say what would be deleted.") var dryRun = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var local: LocalOptions

    struct Answer: Encodable {
        var before: String
        var apps: Int
        var releases: Int
        var events: Int
        var versions: Int
        var locks: Int
        var isDryRun: Bool
    }

    func validate() throws {
        try local.refuseServer("journal prune", "it uses the journal itself")
        _ = try length()
    }

    private func length() throws -> Duration? {
        guard let olderThan else { return nil }
        guard let length = Duration(keep: olderThan) else {
            throw ValidationError("--older-than takes a number of days from 90d to 3650d, not \(olderThan.safe)")
        }
        return length
    }

    func perform() async throws -> ExitStatus {
        let configuration = try Configuration.load(file: ConfigurationFile.locate(explicit: local.config))
        guard let keep = try length() ?? configuration.keep else {
            throw Refusal(
                "viridian.yaml has no keep: everything is kept. `viridian journal prune --older-than 400d` deletes what is older"
            )
        }
        let retention = Retention(keep: keep, configuration.apps, HookSettings(configuration))
        let journal = try Journal(opening: configuration.journal)
        let now = SystemClock().now
        var pruning = JournalPruning(retention, of: journal)
        var report = PruningReport(since: .now)
        let deleted = try await pruning.run(at: now, isDryRun: dryRun) {
            // Others write meanwhile; where only is counted, nobody waits.
            if !dryRun { try? await Task.sleep(for: .milliseconds(20)) }
            return !Task.isCancelled
        } progress: { progress in
            if let line = report.line(progress, at: .now) { printError("viridian: \(line)") }
        }
        try Task.checkCancellation()
        let before = retention.start(at: now).iso8601
        if output.output == .json {
            let answer = Answer(
                before: before, apps: deleted.apps.count, releases: deleted.releases, events: deleted.events,
                versions: deleted.versions, locks: deleted.locks, isDryRun: dryRun)
            printLine(try answer.jsonLine())
            return .done
        }
        guard !deleted.isEmpty else {
            printLine("nothing that ended before \(before) is to be deleted")
            return .done
        }
        printLine(
            """
            \(dryRun ? "would delete" : "deleted") what ended before \(before): \(deleted.releases) releases of \(deleted.apps.count) apps with \
            \(deleted.events) events, \(deleted.versions) versions, \(deleted.locks) locks
            """)
        return .done
    }

    var interruptionMessage: [String] {
        dryRun
            ? []
            : ["viridian: not everything is deleted yet: run it again; each release is there as a whole, or not at all"]
    }
}

/// How far it is, every few seconds: a journal of years takes a while.
struct PruningReport {
    private var last: ContinuousClock.Instant

    private static let interval: Duration = .seconds(3)

    init(since start: ContinuousClock.Instant) { last = start }

    /// - Returns: `nil` where something was said a moment ago.
    mutating func line(_ progress: JournalPruning.Progress, at now: ContinuousClock.Instant) -> String? {
        guard now - last >= Self.interval else { return nil }
        last = now
        switch progress.step {
        case .reading: return "\(progress.app): \(progress.done) of \(progress.all) older releases read"
        case .deleting: return "\(progress.app): \(progress.done) of \(progress.all) releases deleted"
        }
    }
}
