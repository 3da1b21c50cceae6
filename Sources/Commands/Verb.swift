import ArgumentParser
import Controller
import Dispatch
import Foundation
import ReleaseMachine
import ViridianConfiguration

/// A subcommand: what it does, with its errors as one clear line and the contract's exit status.
protocol Verb: AsyncParsableCommand, Sendable {
    func perform() async throws -> ExitStatus
    /// What to say when Ctrl-C stopped it.
    var wordsWhenInterrupted: [String] { get }
}

extension Verb {
    var wordsWhenInterrupted: [String] { [] }

    func run() async throws {
        // A reader that has gone is told by what writing returns.
        signal(SIGPIPE, SIG_IGN)
        let work = Task { try await perform() }
        let signals = Signals()
        let received = signals.stream
        // The first signal stops the work in order; the second one does not wait for it.
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
        let status: ExitStatus
        do {
            status = try await work.value
        } catch is CancellationError {
            for line in wordsWhenInterrupted { complain(line) }
            status = .interrupted
        } catch let error as ExitCode {
            throw error
        } catch {
            let complaint = Complaint(error)
            for line in complaint.lines { complain(line) }
            status = complaint.status
        }
        throw ExitCode(status.rawValue)
    }
}

/// What a verb says of an error, and its status.
struct Complaint: Codable, Sendable, Hashable {
    var lines: [String]
    var status: ExitStatus

    init(_ error: any Error) {
        lines = String(describing: error).split(separator: "\n").enumerated().map { index, line in
            (index == 0 ? "viridian: " : "  ") + line
        }
        switch error {
        case is LeaseHeld, is Interrupted: status = .busy
        case let error as RemoteError where error.isBusy: status = .busy
        default: status = .couldNot
        }
    }
}

/// SIGINT and SIGTERM as they come.
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
