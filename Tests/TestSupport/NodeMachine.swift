import Foundation
import Glibc
import Processes
import Testing

/// A machine of its own (`Tests/Oracles/machine.sh`): namespaces of mounts, network and processes, in which configuration management may
/// do as it likes.
package struct NodeMachine: Sendable {
    /// Where its directories are: `<folder>/etc`.
    package let folder: String
    fileprivate let process: String

    /// Runs a program there.
    package func run(_ words: String...) async throws -> Completed {
        try await Command("nsenter", ["--target", process, "--mount", "--net", "--pid", "--"] + words)
            .run(deadline: .seconds(300))
    }

    package func read(_ path: String) throws -> String {
        try String(contentsOfFile: folder + path, encoding: .utf8)
    }

    package func write(_ text: String, to path: String) throws {
        let url = URL(fileURLWithPath: folder + path)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    /// Whether this user may make one.
    package static var isAllowed: Bool {
        get async {
            guard geteuid() == 0 else { return false }
            let tried = try? await Command("unshare", ["--mount", "--net", "--pid", "--fork", "true"])
                .run(deadline: .seconds(60))
            return tried?.succeeded == true
        }
    }

    /// Makes one below `folder`, and ends it with all its processes after the test. Its network is this machine's, if it shares it.
    package static func with<Value: Sendable>(
        _ folder: String, sharesNetwork: Bool = false, _ body: @Sendable (NodeMachine) async throws -> Value
    ) async throws -> Value {
        let (lines, saying) = AsyncStream.makeStream(of: String.self)
        return try await withThrowingTaskGroup(of: Completed?.self) { group in
            group.addTask {
                defer { saying.finish() }
                let script = Python.oracle("machine.sh")
                let words = (sharesNetwork ? [] : ["--net"]) + ["--mount", "--pid", "--fork", "--kill-child"]
                // Without grace: its first process takes no other signal.
                return try? await Command("unshare", words + ["sh", script, folder]).run(
                    grace: .zero, onLine: { line in if line.stream == .output { saying.yield(line.text) } })
            }
            var iterator = lines.makeAsyncIterator()
            guard let process = await iterator.next() else {
                throw Failed(description: try await group.next()??.error ?? "it did not start")
            }
            let result: Result<Value, any Error>
            do {
                result = .success(try await body(NodeMachine(folder: folder, process: process)))
            } catch {
                result = .failure(error)
            }
            group.cancelAll()
            while try await group.next() != nil {}
            return try result.get()
        }
    }

    private struct Failed: Error, CustomStringConvertible { var description: String }
}

extension Trait where Self == ConditionTrait {
    /// Needs a machine of its own: `NodeMachine`.
    package static var needsMachine: Self {
        .enabled("a machine of its own needs root, who may make namespaces") { await NodeMachine.isAllowed }
    }
}
