import Controller
import Foundation
import Processes

/// This executable, to be started again.
enum OwnProgram {
    /// Its path; proc(5).
    static var path: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }

    /// Starts it in a session of its own, which outlives this process; what it prints goes to the end of `log`, which is there already.
    static func startDetached(_ arguments: [String], log: String) async throws {
        let script = #"log=$1; shift; exec setsid --fork "$@" </dev/null >>"$log" 2>&1"#
        let command = Command("sh", ["-c", script, "sh", log, path] + arguments)
        let completed = try await command.run(deadline: .seconds(5))
        guard completed.succeeded else {
            throw Refusal("no process could be started to run the release: \(completed.error)")
        }
    }
}
