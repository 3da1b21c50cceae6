import Foundation
import Processes

/// Debian's docker-registry on a free loopback port, and skopeo to push to it. `stop()` ends it and removes what it stored.
///
/// No daemon and no root is needed.
package actor TestRegistry {
    /// What it is started with, beyond a port and a folder.
    package struct Options: Sendable {
        /// Where it reports what happens to it.
        package var notify: URL?
        /// The Authorization header of its reports.
        package var authorization: String?
        /// User and password that it demands; `nil`: anybody may do anything.
        package var credentials: (user: String, password: String)?
        /// Files with its certificate and key.
        package var tls: (certificate: String, key: String)?
        /// Further lines of its configuration, such as `auth:`.
        package var lines: [String] = []

        package init() {}
    }

    /// `127.0.0.1:40123`
    package nonisolated let host: String
    /// `http://127.0.0.1:40123`
    package nonisolated var url: String { (options.tls == nil ? "http://" : "https://") + host }
    private nonisolated let options: Options
    private nonisolated let directory: String
    private let running: Task<Completed, any Error>

    private init(host: String, options: Options, directory: String, running: Task<Completed, any Error>) {
        self.host = host
        self.options = options
        self.directory = directory
        self.running = running
    }

    deinit { running.cancel() }

    package static let isThere = Executable.find("docker-registry") != nil && Executable.find("skopeo") != nil
    package static let reason = "docker-registry or skopeo is missing; script/bootstrap installs them"

    /// Starts one that reports each push to `notify`, with this Authorization header.
    package static func start(notify: URL? = nil, authorization: String? = nil) async throws -> TestRegistry {
        var options = Options()
        options.notify = notify
        options.authorization = authorization
        return try await start(options)
    }

    /// Starts one, and returns when it listens.
    package static func start(_ options: Options) async throws -> TestRegistry {
        let directory = FileManager.default.temporaryDirectory.path + "/viridian-registry-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let file = directory + "/config.yml"
        try configuration(options, directory).write(toFile: file, atomically: true, encoding: .utf8)
        let (lines, line) = AsyncStream.makeStream(of: String.self)
        let running = Task {
            defer {
                line.finish()
                try? FileManager.default.removeItem(atPath: directory)
            }
            return try await Command("docker-registry", ["serve", file])
                .run(grace: .milliseconds(100), onLine: { line.yield($0.text) })
        }
        var said: [String] = []
        for await text in lines {
            // msg="listening on 127.0.0.1:40123"
            if let address = text.firstMatch(of: /listening on ([\d.]+:\d+)/) {
                return TestRegistry(
                    host: String(address.1), options: options, directory: directory, running: running)
            }
            said.append(text)
        }
        throw Failed(description: "docker-registry did not start: \(said.joined(separator: "\n"))")
    }

    /// Ends it. What was pushed is gone.
    package func stop() async {
        running.cancel()
        _ = await running.result
    }

    // MARK: - Pushing

    /// Pushes a new image with a tag, and returns its digest.
    @discardableResult
    package nonisolated func push(
        repository: String, tag: String, labels: [String: String] = [:]
    ) async throws -> String {
        let layout = try layout()
        return try await push(layout.image(labels: labels), of: layout, repository: repository, tag: tag)
    }

    /// A folder for images that are made by hand; it lasts as long as the registry.
    package nonisolated func layout() throws -> OCILayout {
        try OCILayout(in: directory + "/layout-\(UUID().uuidString)")
    }

    /// Pushes an image or an index of a layout with a tag, as it is or in Docker's format, and returns its digest.
    @discardableResult
    package nonisolated func push(
        _ image: OCILayout.Descriptor, of layout: OCILayout, repository: String, tag: String,
        inDockersFormat: Bool = false
    ) async throws -> String {
        try layout.select(image)
        let digest = layout.directory + "/pushed"
        var words = ["--insecure-policy", "copy", "--quiet", "--all", "--digestfile", digest]
        words += inDockersFormat ? ["--format", "v2s2"] : ["--preserve-digests"]
        words += options.credentials.map { ["--dest-creds", "\($0.user):\($0.password)"] } ?? ["--dest-no-creds"]
        words.append("--dest-tls-verify=false")
        words += ["oci:" + layout.directory, "docker://\(host)/\(repository):\(tag)"]
        let done = try await Command("skopeo", words).run(deadline: .seconds(60))
        guard done.succeeded else { throw Failed(description: "skopeo: \(done.error)") }
        return try String(contentsOfFile: digest, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    package struct Failed: Error, CustomStringConvertible {
        package var description: String
    }

    // MARK: - Configuration

    private static func configuration(_ options: Options, _ directory: String) throws -> String {
        var lines = [
            "version: 0.1", "log: {accesslog: {disabled: true}}",
            "storage: {filesystem: {rootdirectory: \(directory)/storage}, delete: {enabled: true}}",
            "http:", "  addr: 127.0.0.1:0", "  secret: for tests",
        ]
        if let tls = options.tls { lines.append("  tls: {certificate: \(tls.certificate), key: \(tls.key)}") }
        if let url = options.notify {
            let header = options.authorization.map { ", headers: {Authorization: ['\($0)']}" } ?? ""
            lines += [
                "notifications:", "  events: {includereferences: true}", "  endpoints:",
                "    - {name: viridian, url: '\(url.absoluteString)'\(header), timeout: 1s, threshold: 3, backoff: 500ms}",
            ]
        }
        return (lines + options.lines).joined(separator: "\n") + "\n"
    }
}
