import Foundation
import Nginx
import Processes
import TextTemplates

/// An nginx of our own on this machine, with all that is its own under one directory: configuration, pid file, logs, temporary files,
/// and the directory of upstream files.
package struct LocalNginx: Sendable, Hashable {
    /// Where it lives; an absolute path.
    package let directory: String
    package let program: String

    package init(directory: String, program: String = "nginx") {
        self.directory = directory
        self.program = program
    }

    package var configuration: String { directory + "/nginx.conf" }
    package var backends: String { directory + "/backends.d" }
    package var pidFile: String { directory + "/nginx.pid" }
    package var errorLog: String { directory + "/error.log" }

    private var command: String {
        [program, "-p", directory, "-c", configuration, "-e", errorLog].map(Self.quoted).joined(separator: " ")
    }

    /// The shell command that tests its configuration.
    package var test: String { command + " -t" }
    /// The shell command that makes it load its configuration.
    package var reload: String { command + " -s reload" }

    /// How `Fleet` works with it, where it is a node by itself.
    package var settings: NodeSettings {
        NodeSettings(backends: backends, test: test, reload: reload, pid: pidFile)
    }

    private static func quoted(_ word: String) -> String {
        let isPlain = word.unicodeScalars.allSatisfy {
            $0.isASCII
                && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || "/._-{}".unicodeScalars.contains($0))
        }
        return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }
}

/// Why an nginx of our own does not run.
package struct LocalNginxError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String
}

extension LocalNginx {
    /// Writes its directory: the main configuration, one file a virtual host, and no upstreams.
    ///
    /// `http` are more lines for its `http` block.
    package func write(hosts: [VirtualHost], http: [String] = []) throws {
        let files = FileManager.default
        for name in ["", "/backends.d", "/hosts.d", "/tmp"] {
            try files.createDirectory(atPath: directory + name, withIntermediateDirectories: true)
        }
        let main = MainConfiguration(self, http: http)
        try Data(main.text.utf8).write(to: URL(fileURLWithPath: configuration))
        for (index, host) in hosts.enumerated() {
            let path = directory + "/hosts.d/\(index)-\(host.upstream).conf"
            try Data(host.rendered.utf8).write(to: URL(fileURLWithPath: path))
        }
    }

    /// Puts an app's upstream file there, as the demo's first release finds it; nothing is loaded.
    package func write(_ upstream: Upstream, live port: Int) throws {
        try Data(upstream.rendered(live: port)).write(to: URL(fileURLWithPath: backends + "/\(upstream.app).conf"))
    }

    /// Runs all of these while `body` runs.
    package static func withRunning<Value: Sendable>(
        _ all: ArraySlice<LocalNginx>,
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        guard let first = all.first else { return try await body() }
        return try await first.withRunning { try await withRunning(all.dropFirst(), body) }
    }

    /// Runs it while `body` runs, and returns when it has ended.
    ///
    /// It gets its requests done first (SIGQUIT); what takes longer than `grace` is cut. A cancelled task ends it as well, and so
    /// does the end of this process, however it comes.
    package func withRunning<Value: Sendable>(
        grace: Duration = .seconds(2),
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try? FileManager.default.removeItem(atPath: pidFile)
        let ready = Readiness()
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                let completed = try await guarded.run(grace: grace) { processID in
                    await ready.started(processID)
                }
                await ready.ended()
                try Task.checkCancellation()
                guard completed.succeeded else {
                    let words = completed.error.split(separator: "\n").suffix(3).joined(separator: " | ")
                    throw LocalNginxError(description: "nginx \(completed.termination): \(words)")
                }
                return nil
            }
            group.addTask {
                guard try await isUp(ready) else { return nil }
                let value = try await body()
                await quit(ready, grace: grace)
                return value
            }
            defer { group.cancelAll() }
            while let next = try await group.next() {
                if let value = next { return value }
            }
            throw LocalNginxError(description: "nginx in \(directory) ended before its work was done")
        }
    }

    /// nginx in the foreground, so that it is this process's child; it ends with this process, however that ends.
    private var guarded: Command {
        let script = String(decoding: PackageResources.run_nginx_sh, as: UTF8.self)
        return Command(
            "sh",
            [
                "-c", script, "sh", "\(getpid())", program, "-p", directory, "-c", configuration, "-e", errorLog,
                "-g", "daemon off;",
            ]
        )
    }

    /// Waits until it listens (it writes its pid file after that) and has a worker; false when it ended instead.
    private func isUp(_ ready: Readiness) async throws -> Bool {
        while true {
            if let processID = await ready.processID {
                let written = try? String(contentsOfFile: pidFile, encoding: .utf8)
                let children = try? String(
                    contentsOfFile: "/proc/\(processID)/task/\(processID)/children", encoding: .utf8)
                if written?.trimmingCharacters(in: .whitespacesAndNewlines) == "\(processID)",
                    children?.isEmpty == false
                {
                    return true
                }
            }
            guard await !ready.hasEnded else { return false }
            // nginx has no event for this that a parent could wait for.
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    private func quit(_ ready: Readiness, grace: Duration) async {
        guard let processID = await ready.processID, await !ready.hasEnded else { return }
        kill(processID, SIGQUIT)
        let deadline = ContinuousClock.now + grace
        while await !ready.hasEnded, ContinuousClock.now < deadline, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(2))
        }
    }
}

/// Its `nginx.conf`. Paths stand between quotation marks.
struct MainConfiguration: TemplateValues {
    static let template = TextTemplate(PackageResources.nginx_conf_mustache)

    let isRoot: Bool
    let directory: String
    let backends: String
    let pidFile: String
    let errorLog: String
    /// More lines for its `http` block.
    let http: [String]

    init(_ nginx: LocalNginx, http: [String]) {
        func escaped(_ path: String) -> String {
            path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        }
        isRoot = geteuid() == 0
        directory = escaped(nginx.directory)
        backends = escaped(nginx.backends)
        pidFile = escaped(nginx.pidFile)
        errorLog = escaped(nginx.errorLog)
        self.http = http
    }
}

private actor Readiness {
    private(set) var processID: Int32?
    private(set) var hasEnded = false

    func started(_ processID: Int32) { self.processID = processID }
    func ended() { hasEnded = true }
}

/// Runs an nginx of our own on `directory` with these virtual hosts while `body` runs (see `LocalNginx.withRunning`).
package func withLocalNginx<Value: Sendable>(
    in directory: String,
    hosts: [VirtualHost],
    http: [String] = [],
    _ body: @escaping @Sendable (LocalNginx) async throws -> Value
) async throws -> Value {
    let nginx = LocalNginx(directory: directory)
    try nginx.write(hosts: hosts, http: http)
    return try await nginx.withRunning { try await body(nginx) }
}
