import Foundation
import Processes
import Testing

/// A running `viridian demo` with v1 and v2 released, under load.
struct DemoStage: Sendable {
    let directory: String
    /// The URL of the pages.
    let page: String
    let token: String

    /// Starts the demo, runs `body` when it is up, and ends it with SIGINT.
    static func with<Value: Sendable>(
        nodes: Int = 2,
        _ body: @escaping @Sendable (DemoStage) async throws -> Value
    ) async throws -> Value {
        let directory = FileManager.default.temporaryDirectory.path + "/viridian-pages-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let program = try Program(in: directory)
        let lines = Lines()
        let (stages, continuation) = AsyncStream.makeStream(of: DemoStage.self)
        return try await withThrowingTaskGroup(of: Void.self, returning: Value.self) { group in
            group.addTask {
                defer { continuation.finish() }
                let said = try await program.run(
                    ["demo", "--port", "0", "--nodes", "\(nodes)"], deadline: .seconds(175),
                    onStart: { await lines.started($0) }
                ) { line in
                    if let stage = await lines.stage(after: line, in: directory) { continuation.yield(stage) }
                }
                #expect(said.error.isEmpty, "\(said)")
            }
            for await stage in stages {
                do {
                    let value = try await body(stage)
                    await lines.interrupt()
                    try await group.waitForAll()
                    return value
                } catch {
                    await lines.interrupt()
                    try? await group.waitForAll()
                    throw error
                }
            }
            try await group.waitForAll()
            throw Browser.Failure(description: "the demo did not stay up")
        }
    }

    /// Reads the demo's output.
    private actor Lines {
        private var process: Int32?
        private var page: String?
        private var token: String?

        func started(_ process: Int32) { self.process = process }

        func stage(after line: String, in directory: String) -> DemoStage? {
            if let match = line.firstMatch(of: /Pages: +(http:\S+)/) { page = String(match.1) }
            if let match = line.firstMatch(of: /Token: +(vir_\S+)/) { token = String(match.1) }
            guard line.contains("The demo stays up"), let page, let token else { return nil }
            return DemoStage(directory: directory, page: page, token: token)
        }

        func interrupt() {
            if let process { kill(process, SIGINT) }
        }
    }
}

extension Browser {
    /// Signs in with the token.
    func signIn(_ stage: DemoStage) async throws {
        try await open(stage.page)
        #expect(try await url.hasSuffix("/signin"))
        try await type(stage.token, into: "#token")
        try await click("form button.primary")
        // A click returns when the form is sent, not when it is answered.
        try await eventually("signed in") { try await isThere(".me button") }
        #expect(try await url == stage.page)
    }

    /// Fills in the form on the app's page and sends it.
    func deploy(_ version: String, verify: Bool = false, reason: String? = nil, _ stage: DemoStage) async throws {
        try await open(stage.page + "apps/blog")
        try await type(version, into: "#version")
        if let reason { try await type(reason, into: "#reason") }
        try await click("input[name=verify][value=\(verify ? "yes" : "no")]")
        try await click("#deploy button.primary")
        try await eventually("an answer") {
            let isBegun = try await url.contains("/releases/")
            let isRefused = try await isThere("#deploy [role=alert]")
            return isBegun || isRefused
        }
    }
}
