import Foundation
import Processes
import Testing

/// A Docker of our own, which no program and no port of this machine meets: see `Tests/Containers/dockerd.sh`. Its base images are stand-ins
/// made from Debian packages (`Tests/Containers/README.md`). All that it runs ends with it.
package struct ContainerEngine: Sendable {
    /// What it keeps; private to this engine.
    package let folder: String
    /// A process in its network.
    private let process: Int32

    package struct Failed: Error, CustomStringConvertible {
        package var description: String
    }

    /// What `docker` and `docker-compose` need to find it.
    package var environment: [String: String] {
        var environment = ProcessInfo.processInfo.environment
        environment["DOCKER_HOST"] = "unix://\(folder)/docker.sock"
        environment["DOCKER_CONFIG"] = folder + "/client"
        environment["COMPOSE_HTTP_TIMEOUT"] = "300"
        environment["DOCKER_CONTEXT"] = nil
        environment["VERSION"] = nil
        return environment
    }

    /// Starts one with these stand-ins (`php`, `python`, `redis`, `nginx`, `debian`), runs `body`, and ends it.
    package static func withRunning<Value: Sendable>(
        baseImages: [String], _ body: @Sendable (ContainerEngine) async throws -> Value
    ) async throws -> Value {
        let name = "viridian-engine-\(UUID().uuidString.prefix(8))"
        let folder = FileManager.default.temporaryDirectory.path + "/" + name
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let (events, event) = AsyncStream.makeStream(of: Event.self)
        let daemon = Task {
            defer { event.finish() }
            return try await Command(RepositoryFile.path("Tests/Containers/dockerd.sh"), [folder, name])
                .run(
                    grace: .milliseconds(100), onStart: { event.yield(.started($0)) },
                    onLine: { event.yield(.line($0.text)) })
        }
        func end() async {
            daemon.cancel()
            _ = await daemon.result
            // Control groups outlive their processes.
            let remove = Command("find", ["/sys/fs/cgroup", "-depth", "-type", "d", "-path", "*/\(name)*", "-delete"])
            _ = try? await remove.run(deadline: .seconds(60))
            try? FileManager.default.removeItem(atPath: folder)
        }
        do {
            let engine = ContainerEngine(folder: folder, process: try await ready(events))
            if !baseImages.isEmpty {
                try await engine.succeeding(
                    RepositoryFile.path("Tests/Containers/base-images.sh"), [Self.wheels] + baseImages)
            }
            let value = try await body(engine)
            await end()
            return value
        } catch {
            await end()
            throw error
        }
    }

    private enum Event: Sendable {
        case started(Int32)
        case line(String)
    }

    /// Waits until the daemon listens.
    private static func ready(_ events: AsyncStream<Event>) async throws -> Int32 {
        var process: Int32?
        var said: [String] = []
        for await event in events {
            switch event {
            case .started(let number): process = number
            case .line(let text):
                said.append(text)
                if text.contains("API listen on"), let process { return process }
            }
        }
        throw Failed(description: "dockerd did not start: \(said.suffix(20).joined(separator: "\n"))")
    }

    // MARK: - Using it

    /// `docker` with these arguments, which has to succeed.
    @discardableResult
    package func docker(_ arguments: String...) async throws -> String { try await succeeding("docker", arguments) }

    /// `docker-compose` with the `compose.yaml` of a folder, which has to succeed.
    @discardableResult
    package func compose(in folder: String, _ arguments: String...) async throws -> String {
        try await succeeding("docker-compose", ["--file", "compose.yaml"] + arguments, in: folder)
    }

    /// The body of the answer to a request in its network, where published ports are; `nil` when nobody answers.
    package func fetch(_ url: String, options: [String] = []) async throws -> String? {
        let curl = ["curl", "--silent", "--show-error", "--max-time", "60"] + options + [url]
        let done = try await Command("nsenter", ["--net=/proc/\(process)/ns/net"] + curl).run(deadline: .seconds(90))
        return done.succeeded ? done.output : nil
    }

    /// A program that finds this engine, and has to succeed.
    /// - Returns: its standard output.
    @discardableResult
    package func succeeding(_ program: String, _ arguments: [String], in directory: String? = nil) async throws
        -> String
    {
        let command = Command(program, arguments, environment: environment, workingDirectory: directory)
        let done = try await command.run(deadline: .seconds(300))
        guard done.succeeded else {
            throw Failed(
                description:
                    "\(program) \(arguments.joined(separator: " ")): \(done.termination)\n\(done.output)\n\(done.error)"
            )
        }
        return done.output
    }

    // MARK: - Whether it can be had

    /// The folder of wheels that the stand-in for Python installs from.
    static let wheels = RepositoryFile.path(".build/wheels")
    package static let hasWheels = FileManager.default.fileExists(atPath: wheels + "/requirements.txt")

    /// Whether this user can give a process a network of its own, as the daemon needs.
    static func isAllowed() async -> Bool {
        guard getuid() == 0 else { return false }
        let tried = try? await Command("unshare", ["--net", "--mount", "--pid", "--fork", "true"]).run(
            deadline: .seconds(60))
        return tried?.succeeded == true
    }
}

extension Trait where Self == ConditionTrait {
    /// Needs a Docker of our own, and root to start it.
    package static var needsContainerEngine: Self {
        .enabled("a Docker of our own needs root, and the right to make network namespaces") {
            await ContainerEngine.isAllowed()
        }
    }

    package static var needsWheels: Self {
        .enabled(
            if: ContainerEngine.hasWheels,
            "no wheels of Examples/www in .build/wheels (script/bootstrap downloads them)")
    }
}

/// Files of this repository.
package enum RepositoryFile {
    package static func path(_ path: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: path).path
    }
}
