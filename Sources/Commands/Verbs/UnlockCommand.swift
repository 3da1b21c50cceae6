import ArgumentParser
import Controller
import ReleaseMachine
import Server

struct UnlockCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "unlock",
        abstract: "End the locks of an app; without one, those on all apps.",
        discussion:
            "Says which locks have ended, and which versions waited for that and start now. Freezes are not locks."
    )

    @Argument(help: "The app. Default: the locks on all apps.", completion: .app) var app: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func perform() async throws -> ExitStatus {
        try await global.withReleaseClient(connecting: false) { client in
            let ended = try await client.locks().locks.filter { $0.app == app }
            guard !ended.isEmpty else {
                throw Refusal(
                    app.map { "\($0) has no lock of its own: viridian status \($0) shows what holds its releases" }
                        ?? "there is no lock on all apps")
            }
            let waited = try await client.queue(of: app)
            for lock in ended { try await client.unlock(lock.id, by: caller()) }
            if output.output == .json {
                for lock in ended { printLine(try lock.jsonLine()) }
                return .done
            }
            for lock in ended { printLine("unlocked: \(lock.sentence)") }
            let left = try await client.locks()
            for entry in waited { printLine(entry.afterUnlock(left, isServed: global.isRemote)) }
            return .done
        }
    }
}

extension QueueView {
    /// What becomes of a version that waits, now that only `left` holds releases.
    func afterUnlock(_ left: LockList, isServed: Bool) -> String {
        let name = "\(version) of \(app)"
        if let lock = left.locks.first(where: { $0.app ?? app == app }) {
            return "\(name) still waits: \(lock.sentence)"
        }
        if let freeze = left.freezes.first(where: { $0.apps?.contains(app) ?? true }) {
            return "\(name) still waits: \(app) is frozen until \(freeze.until.minute) UTC (\(freeze.name))"
        }
        if let running { return "\(name) starts when \(running) has ended" }
        return isServed
            ? "\(name) was held, and starts now" : "\(name) was held; the server, viridian serve, starts it now"
    }
}
