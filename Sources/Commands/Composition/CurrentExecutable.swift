import Controller
import Foundation
import Processes

/// The executable of this process.
enum CurrentExecutable {
    /// Its path; proc(5).
    static var path: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }

    /// Starts it in a session of its own, which outlives this process. Its output is appended to `log`, which must exist.
    static func startDetached(_ arguments: [String], log: String) async throws {
        let script = #"log=$1; shift; exec setsid --fork "$@" </dev/null >>"$log" 2>&1"#
        let command = Command("sh", ["-c", script, "sh", log, path] + arguments)
        let completed = try await command.run(deadline: .seconds(5))
        guard completed.succeeded else {
            throw Refusal("the background process for the release could not be started: \(completed.error)")
        }
    }
}
