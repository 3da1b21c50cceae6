import Foundation
import Kubernetes
import Processes
import Testing

/// Runs the built `viridian` with pipes instead of a terminal, and with a deadline.
struct Program: Sendable {
    let directory: String
    let environment: [String: String]
    /// The program that runs; the built one, unless a package is tried.
    var executable = Program.path

    /// The result of a run.
    struct Said: Sendable, CustomStringConvertible {
        var arguments: [String]
        var termination: Termination
        var output: String
        var error: String
        var took: Duration

        /// The exit status; `nil` if a signal or the deadline ended it.
        var status: Int32? { if case .exited(let code) = termination { code } else { nil } }
        var lines: [String] { output.split(separator: "\n").map(String.init) }
        var errorLines: [String] { error.split(separator: "\n").map(String.init) }
        /// The last line of JSON in the output.
        var json: JSON? { lines.last.flatMap { try? JSON(parsing: $0) } }
        /// Each line of the output as JSON.
        var jsonLines: [JSON] {
            get throws { try lines.map { try JSON(parsing: $0) } }
        }

        var description: String {
            "viridian \(arguments.joined(separator: " ")): \(termination) after \(took)\n\(output)\n\(error)"
        }
    }

    /// The path of the executable: `VIRIDIAN_BINARY`, or next to the test bundle.
    static let path: String = {
        if let named = ProcessInfo.processInfo.environment["VIRIDIAN_BINARY"], !named.isEmpty { return named }
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().appending(path: "viridian").path
    }()

    /// Runs in a world's directory, with its `viridian.yaml` and a separate directory for temporary files.
    init(in directory: String) throws {
        self.directory = directory
        var environment = ProcessInfo.processInfo.environment
        for name in environment.keys where name.hasPrefix("VIRIDIAN_") || name.hasPrefix("KUBE") {
            environment[name] = nil
        }
        environment["TMPDIR"] = directory + "/tmp"
        environment["HOME"] = directory + "/home"
        environment["VIRIDIAN_USER"] = "ci"
        self.environment = environment
        for name in ["/tmp", "/home"] {
            try FileManager.default.createDirectory(atPath: directory + name, withIntermediateDirectories: true)
        }
    }

    /// Runs it until it ends.
    func callAsFunction(
        _ arguments: String...,
        deadline: Duration = .seconds(600),
        environment extra: [String: String] = [:],
        onStart: @escaping @Sendable (Int32) async -> Void = { _ in },
        onLine: @escaping @Sendable (String) async -> Void = { _ in }
    ) async throws -> Said {
        try await run(arguments, deadline: deadline, environment: extra, onStart: onStart, onLine: onLine)
    }

    func run(
        _ arguments: [String],
        deadline: Duration = .seconds(600),
        environment extra: [String: String] = [:],
        onStart: @escaping @Sendable (Int32) async -> Void = { _ in },
        onLine: @escaping @Sendable (String) async -> Void = { _ in }
    ) async throws -> Said {
        let command = Command(
            executable,
            arguments,
            environment: environment.merging(extra) { $1 },
            workingDirectory: directory
        )
        let started = ContinuousClock.now
        let completed = try await command.run(deadline: deadline, onStart: onStart) { line in
            await onLine(line.text)
        }
        return Said(
            arguments: arguments,
            termination: completed.termination,
            output: completed.output,
            error: completed.error,
            took: started.duration(to: .now)
        )
    }

    /// Runs it and sends it `signal` at the first line that contains `words`. The signal is sent to the process, not to its children.
    func run(_ arguments: [String], signal: Int32, atLineWith words: String) async throws -> Said {
        let target = Target(signal: signal, words: words)
        let said = try await run(
            arguments,
            onStart: { await target.started($0) },
            onLine: { await target.line($0) }
        )
        #expect(await target.wasHit, "no line with \"\(words)\" came: \(said)")
        return said
    }

    private actor Target {
        private let signal: Int32
        private let words: String
        private var process: Int32?
        private(set) var wasHit = false

        init(signal: Int32, words: String) {
            self.signal = signal
            self.words = words
        }

        func started(_ process: Int32) { self.process = process }

        func line(_ text: String) {
            guard !wasHit, text.contains(words), let process else { return }
            wasHit = true
            kill(process, signal)
        }
    }
}

/// Runs `viridian` in a folder in which nothing is.
func inAnEmptyFolder(_ body: (Program) async throws -> Void) async throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "viridian-folder-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(try Program(in: path))
}
