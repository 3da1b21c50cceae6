import Foundation
import Glibc
import HTTPTransport
import Processes
import TestSupport
import Testing

/// Processes of `viridian serve` in a world, which come and go one by one.
struct ServerProcesses: Sendable {
    fileprivate let program: Program
    fileprivate let run: AsyncStream<@Sendable () async -> Void>.Continuation

    /// Starts one, and returns when it takes requests. With the name of a machine it believes that it is on that one: to others it is then
    /// a process of which nobody can know whether it has ended.
    func start(on machine: String? = nil) async throws -> ServerProcess {
        let (lines, says) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingOldest(100))
        let (processes, started) = AsyncStream.makeStream(of: Int32.self)
        let end = Gate()
        var command = Command(
            program.executable, ["serve", "--listen", "127.0.0.1:0"], environment: program.environment,
            workingDirectory: program.directory)
        if let machine { command = command.onMachine(machine) }
        run.yield { [command] in
            _ = try? await command.run(
                deadline: .seconds(7200), onStart: { started.yield($0) }, onLine: { says.yield($0.text) })
            started.finish()
            says.finish()
            await end.open()
        }
        var process = processes.makeAsyncIterator()
        let id = try #require(await process.next())
        var first: [String] = []
        for await line in lines {
            first.append(line)
            guard let range = line.range(of: "serves http") else { continue }
            let url = String(line[range.lowerBound...].dropFirst(7))
            return ServerProcess(
                id: id, machine: machine,
                serving: Serving(url: url, firstLines: first, http: try HTTPConnection(baseURL: url)), end: end)
        }
        throw ServerDidNotStart(description: first.joined(separator: "\n"))
    }
}

struct ServerDidNotStart: Error, CustomStringConvertible {
    var description: String
}

struct ServerProcess: Sendable {
    let id: Int32
    let machine: String?
    let serving: Serving
    fileprivate let end: Gate

    /// Ends it without a word, as if its machine had lost power, and returns when it is gone.
    /// - Returns: when.
    @discardableResult
    func kill() async -> Date {
        let now = Date()
        Glibc.kill(id, SIGKILL)
        await end.pass()
        await serving.http.shutdown()
        return now
    }
}

extension World {
    /// Runs `body`, which starts servers; ends those that are left then.
    func withServers<Value: Sendable>(
        _ body: @escaping @Sendable (ServerProcesses) async throws -> Value
    ) async throws -> Value {
        let (jobs, run) = AsyncStream.makeStream(of: (@Sendable () async -> Void).self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await withDiscardingTaskGroup { processes in
                    for await job in jobs { processes.addTask(operation: job) }
                    processes.cancelAll()
                }
            }
            defer { run.finish() }
            return try await body(ServerProcesses(program: viridian, run: run))
        }
    }
}
