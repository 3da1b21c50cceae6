import Foundation
import Glibc
import Processes
import Testing

/// The packages that `script/package` makes, of the program that was built for these tests, linked with Swift's static libraries:
/// `script/package` itself builds an optimized one, which takes minutes. `VIRIDIAN_PACKAGED_PROGRAM` names another one.
///
/// Each is made once, in `.build/package-tests`; a Debian to install them in stays there for the next time.
actor Packages {
    static let shared = Packages()

    /// The checkout.
    static let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    static let directory = source + "/.build/package-tests"

    private var program: Task<String, any Error>?
    private var made: [[String]: Task<String, any Error>] = [:]
    private var debian: Task<String, any Error>?

    /// The path of a package; `version` is the program's own if it is `nil`.
    func package(_ kind: String, version: String? = nil) async throws -> String {
        let arguments = [kind] + (version.map { ["--version", $0] } ?? [])
        if let made = made[arguments] { return try await made.value }
        let task = Task {
            let program = try await linkedProgram()
            let words = arguments + ["--fast", "--binary", program, "--output", Self.directory]
            // An address, as whoever publishes packages has one.
            let environment = ["DEBFULLNAME": "Platform team", "DEBEMAIL": "platform@domain.com"]
            return try await Self.run("script/package", words, environment).trimmingCharacters(in: .newlines)
        }
        made[arguments] = task
        return try await task.value
    }

    /// The program, which runs where Swift is not installed.
    func linkedProgram() async throws -> String {
        if let named = ProcessInfo.processInfo.environment["VIRIDIAN_PACKAGED_PROGRAM"], !named.isEmpty { return named }
        if let program { return try await program.value }
        let task = Task {
            try FileManager.default.createDirectory(atPath: Self.directory, withIntermediateDirectories: true)
            _ = try await Self.run("script/link-static", [Self.directory + "/viridian"])
            return Self.directory + "/viridian"
        }
        program = task
        return try await task.value
    }

    /// A Debian with nothing in it, made once on a machine.
    func cleanDebian() async throws -> String {
        if let debian { return try await debian.value }
        let task = Task {
            let package = try await package("deb")
            let root = Self.directory + "/debian"
            _ = try await Self.run("Tests/Packages/debian-root.sh", [root, package])
            return root
        }
        debian = task
        return try await task.value
    }

    /// Runs a script of the checkout.
    /// - Returns: its standard output.
    static func run(
        _ script: String, _ arguments: [String], _ extra: [String: String] = [:],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let environment = ProcessInfo.processInfo.environment.merging(extra) { $1 }
        let command = Command(
            source + "/" + script, arguments, environment: environment, workingDirectory: source)
        let completed = try await command.run(deadline: .seconds(900))
        try #require(
            completed.succeeded, "\(script) \(arguments): \(completed.output)\n\(completed.error)",
            sourceLocation: sourceLocation)
        return completed.output
    }
}

/// A Debian of one test, in which packages are installed.
struct DebianRoot: Sendable {
    let path: String

    /// Runs a command in it.
    func callAsFunction(_ words: String..., as user: String = "root") async throws -> Completed {
        try await command(words, as: user).run(deadline: .seconds(600))
    }

    func command(_ words: [String], as user: String = "root") -> Command {
        Command(Packages.source + "/Tests/Packages/in-root.sh", [path, user] + words)
    }

    /// Installs a package with all that it depends on; one that is there is upgraded.
    func install(_ package: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let copy = "/var/cache/" + URL(fileURLWithPath: package).lastPathComponent
        try? FileManager.default.removeItem(atPath: path + copy)
        try FileManager.default.copyItem(atPath: package, toPath: path + copy)
        let said = try await self("apt-get", "install", "-y", "-qq", "--no-install-recommends", copy)
        try #require(said.succeeded, "\(said.output)\n\(said.error)", sourceLocation: sourceLocation)
    }

    func has(_ file: String) -> Bool {
        FileManager.default.fileExists(atPath: path + file)
    }
}

/// Runs `body` with a Debian of its own.
func withDebian<Value>(_ body: (DebianRoot) async throws -> Value) async throws -> Value {
    let clean = try await Packages.shared.cleanDebian()
    let path = FileManager.default.temporaryDirectory.path + "/viridian-debian-\(UUID().uuidString.prefix(8))"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let copied = try await Command("cp", ["-a", "--reflink=auto", clean, path]).run(deadline: .seconds(600))
    try #require(copied.succeeded, "\(copied.error)")
    return try await body(DebianRoot(path: path))
}

extension Trait where Self == ConditionTrait {
    /// Needs root, to change the root directory.
    static var needsRoot: Self { .enabled(if: getuid() == 0, "not run as root") }
}

/// Runs a command that is `viridian serve`, expects that the server answers that it is healthy, and that `SIGTERM` ends it with 0.
func expectServing(_ command: Command, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let (lines, says) = AsyncStream.makeStream(of: String.self)
    let (processes, started) = AsyncStream.makeStream(of: Int32.self)
    try await withThrowingTaskGroup(of: Completed.self) { group in
        group.addTask {
            defer {
                started.finish()
                says.finish()
            }
            return try await command.run(
                deadline: .seconds(600), onStart: { started.yield($0) }, onLine: { says.yield($0.text) })
        }
        var process = processes.makeAsyncIterator()
        let pid = try #require(await process.next(), sourceLocation: sourceLocation)
        var said: [String] = []
        for await line in lines {
            said.append(line)
            guard let range = line.range(of: "serves http") else { continue }
            let health = try await fetch(String(line[range.lowerBound...].dropFirst(7)), "/healthz")
            #expect(health.hasPrefix("ok") || health.contains("\"ok\""), "\(health)", sourceLocation: sourceLocation)
            kill(pid, SIGTERM)
        }
        let ended = try #require(try await group.next(), sourceLocation: sourceLocation)
        #expect(ended.succeeded, "\(ended.termination) \(said)", sourceLocation: sourceLocation)
        #expect(said.contains { $0.contains("serves http") }, "\(said)", sourceLocation: sourceLocation)
    }
}
