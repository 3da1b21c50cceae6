import Foundation
import Nginx
import Processes
import TestSupport
import Testing

extension Releases {
    /// `script/example`: the apps of `Examples/`, released on this machine with their real servers.
    @Suite struct ExampleTests {
        private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()

        private func run(_ app: String, _ check: ([String]) throws -> Void) async throws {
            let directory = FileManager.default.temporaryDirectory.path + "/example-test-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: directory) }
            var environment = ProcessInfo.processInfo.environment
            environment["VIRIDIAN_BINARY"] = Program.path
            environment["TMPDIR"] = directory
            let ports = try await Ports.shared.nodePorts()
            let command = Command(
                Self.root.appending(path: "script/example").path, [app, "--blue", "\(ports.blue)"],
                environment: environment)
            let done = try await command.run(deadline: .seconds(540), grace: .seconds(60))
            #expect(done.succeeded, "\(done.output)\(done.error)")
            let lines = done.output.split(separator: "\n").map(String.init)
            #expect(lines.last?.hasSuffix("Everything held.") == true, "\(done.output)")
            #expect(!done.output.contains("FAILED"), "\(done.output)\(done.error)")
            try check(lines)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [])
            let areGone = try await eventually { try processes(naming: directory).isEmpty }
            let left = try processes(naming: directory)
            #expect(areGone, "\(left)")
        }

        @Test("the blog's own tests pass", .needs("php"))
        func ownTests() async throws {
            let tests = Self.root.appending(path: "Examples/blog/tests/run.php").path
            let done = try await Command("php", [tests]).run(deadline: .seconds(600))
            #expect(done.succeeded, "\(done.output)\(done.error)")
        }

        @Test(
            "script/example blog: real php-fpm behind FastCGI, blue to green and back under load, and no request fails",
            .needs("nginx", "wrk", "kubectl", "curl"), .needsFPM, .needsMounts, .needsPython("boto3, moto.server"))
        func blog() async throws {
            try await run("blog") { lines in
                let load = lines.first { $0.contains("requests of wrk") } ?? ""
                #expect(load.contains(/[1-9][0-9]* requests of wrk/), "\(load)")
                #expect(load.contains(/readers got [1-9][0-9]* of v1, [1-9][0-9]* of v2/), "\(load)")
                #expect(lines.count { $0.contains(" ok  ") } >= 12, "\(lines)")
            }
        }

        @Test(
            "script/example www: a WebSocket stays with its colour until that ends, and no request fails",
            .needs("nginx", "wrk", "kubectl", "redis-server"), .needsMounts, .needsPython("aiohttp, redis"))
        func www() async throws {
            try await run("www") { lines in
                let load = lines.first { $0.contains("requests of wrk") } ?? ""
                #expect(load.contains(/readers got [1-9][0-9]* of v1, [1-9][0-9]* of v2/), "\(load)")
                #expect(lines.contains { $0.contains("ok      the WebSocket was served by v1 to its end") }, "\(lines)")
            }
        }
    }
}

extension Trait where Self == ConditionTrait {
    /// Needs php-fpm, whose name has PHP's version in Debian.
    fileprivate static var needsFPM: Self {
        let names = ["php-fpm"] + (1...9).map { "php-fpm8.\($0)" }
        return .enabled(if: names.contains { Executable.find($0) != nil }, "no php-fpm on PATH")
    }
}
