import Foundation
import Processes

/// A program of `Tests/Oracles` that runs beside a test and writes JSON objects, one a line.
package struct PythonProgram: Sendable {
    /// What it writes. Can be iterated once; ends with the program.
    package let said: AsyncStream<[String: JSONText]>

    /// A value of JSON as text: strings as they are, everything else as JSON.
    package typealias JSONText = String

    /// Runs a test beside a program that needs these modules. A program that is still running after the test is ended.
    package static func with<Result: Sendable>(
        _ name: String, modules: String, input: String, environment: [String: String] = [:],
        deadline: Duration = .seconds(120),
        _ test: @Sendable (PythonProgram) async throws -> Result
    ) async throws -> Result {
        guard let python = await Python.find(modules) else { throw Missing(modules: modules) }
        let (said, saying) = AsyncStream.makeStream(of: [String: JSONText].self)
        var command = Command(python, [Python.oracle(name)], input: input)
        command.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        return try await withThrowingTaskGroup(of: Completed?.self) { [command] group in
            group.addTask {
                defer { saying.finish() }
                return try? await command.run(
                    deadline: deadline,
                    onLine: { line in
                        guard line.stream == .output, let object = object(line.text) else { return }
                        saying.yield(object)
                    })
            }
            let result: Swift.Result<Result, any Error>
            do {
                result = .success(try await test(PythonProgram(said: said)))
            } catch {
                result = .failure(error)
            }
            group.cancelAll()
            let completed = try await group.next() ?? nil
            if case .failure = result, let completed, !completed.succeeded {
                throw Failed(description: completed.error)
            }
            return try result.get()
        }
    }

    private static func object(_ line: String) -> [String: JSONText]? {
        let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return object?.mapValues { value in
            if let text = value as? String { return text }
            let json = try? JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed])
            return String(decoding: json ?? Data(), as: UTF8.self)
        }
    }

    private struct Missing: Error { var modules: String }
    private struct Failed: Error, CustomStringConvertible { var description: String }
}
