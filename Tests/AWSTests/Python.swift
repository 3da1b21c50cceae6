import Foundation
import Processes
import TestSupport

extension Python {
    /// Runs a program with a value on its standard input, and reads the value that it prints.
    static func run<Input: Encodable, Output: Decodable>(
        _ program: String, _ input: Input, as type: Output.Type
    ) async throws -> Output {
        guard let python = await find() else { throw Failed(words: reason) }
        let text = String(decoding: try JSONEncoder().encode(input), as: UTF8.self)
        let environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("AWS_") }
        let result = try await Command(python, ["-c", program], environment: environment, input: text)
            .run(deadline: .seconds(600), keeping: 8 << 20)
        guard result.succeeded else { throw Failed(words: result.error) }
        return try JSONDecoder().decode(Output.self, from: Data(result.output.utf8))
    }

    struct Failed: Error, CustomStringConvertible {
        var words: String
        var description: String { "python: \(words)" }
    }
}

/// A server that behaves like AWS, on a free port of this machine.
struct Moto: Sendable {
    var url: String

    /// Runs a test against one of its own.
    static func with<Value: Sendable>(_ body: @escaping @Sendable (Moto) async throws -> Value) async throws -> Value {
        guard let python = await Python.find() else { throw Python.Failed(words: Python.reason) }
        let (lines, said) = AsyncStream.makeStream(of: String.self)
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                defer { said.finish() }
                // Werkzeug accepts port 0 and reports the port.
                _ = try await Command(python, ["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"])
                    .run(grace: .milliseconds(1), onLine: { said.yield($0.text) })
                return nil
            }
            group.addTask {
                for await line in lines {
                    guard let start = line.range(of: "Running on ") else { continue }
                    return try await body(Moto(url: String(line[start.upperBound...])))
                }
                throw Python.Failed(words: "moto did not start")
            }
            defer { group.cancelAll() }
            while let value = try await group.next() {
                if let value { return value }
            }
            throw CancellationError()
        }
    }
}
