import ArgumentParser
import Controller
import Dispatch
import Foundation
import ReleaseMachine
import ViridianConfiguration

/// A subcommand that reports its errors on standard error and ends with one of the exit statuses of `ExitStatus`.
protocol Verb: AsyncParsableCommand, Sendable {
    func perform() async throws -> ExitStatus
    /// Printed to standard error after Ctrl-C.
    var interruptionMessage: [String] { get }
}

extension Verb {
    var interruptionMessage: [String] { [] }

    func run() async throws {
        // Writing to a closed pipe returns an error instead of ending the process.
        signal(SIGPIPE, SIG_IGN)
        // So does writing more than a file may have (ulimit -f).
        signal(SIGXFSZ, SIG_IGN)
        let work = Task { try await perform() }
        let signals = Signals()
        let received = signals.stream
        // The first signal cancels the work, the second one ends the process at once.
        let watch = Task {
            var count = 0
            for await _ in received {
                count += 1
                if count > 1 { _exit(ExitStatus.interrupted.rawValue) }
                work.cancel()
            }
        }
        defer {
            signals.stop()
            watch.cancel()
        }
        var status: ExitStatus
        do {
            status = try await work.value
        } catch is CancellationError {
            for line in interruptionMessage { printError(line) }
            status = .interrupted
        } catch let error as ExitCode {
            throw error
        } catch {
            let report = ErrorReport(error)
            for line in report.lines { printError(line) }
            status = report.status
        }
        if let problem = StandardOutput.problem {
            printError("viridian: \(problem)")
            if status == .done, StandardOutput.isResult(of: Self.self) { status = .couldNot }
        }
        throw ExitCode(status.rawValue)
    }
}

/// The lines that a verb prints for an error, and its exit status.
struct ErrorReport: Codable, Sendable, Hashable {
    var lines: [String]
    var status: ExitStatus

    init(_ error: any Error) {
        lines = String(describing: error).split(separator: "\n").enumerated().map { index, line in
            (index == 0 ? "viridian: " : "  ") + line
        }
        switch error {
        case is LeaseHeld, is Interrupted: status = .busy
        case let error as APIClientError where error.isBusy: status = .busy
        case is ValidationError: status = .usage
        default: status = .couldNot
        }
    }
}

/// SIGINT and SIGTERM as a stream.
private struct Signals {
    let stream: AsyncStream<Int32>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.stream = stream
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { continuation.yield(number) }
            source.resume()
            return source
        }
    }

    func stop() {
        for source in sources { source.cancel() }
    }
}
