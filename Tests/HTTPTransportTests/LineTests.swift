import Foundation
import NIOCore
import TestSupport
import Testing

@testable import HTTPTransport

@Suite("line streams")
struct LineTests {
    private func texts(_ stream: LineStream) async throws -> [String] {
        try await stream.reduce(into: []) { $0.append($1.text) }
    }

    @Test("lines are assembled from chunks with no line, part of a line, or many lines")
    func chunks() async throws {
        let steps: [Reply.Step] = ["{\"a\":", "1", "}\n{\"b\":2}\r\n\nlo", "ng", "er\nrest"].map { .write($0) }
        try await withConnection({ _, _ in Reply(steps: steps) }) { connection, _ in
            let lines = try await connection.lines(Call("GET", "/")).reduce(into: []) { $0.append($1) }
            #expect(lines.map(\.text) == ["{\"a\":1}", "{\"b\":2}", "", "longer", "rest"])
            #expect(lines.map(\.isTerminated) == [true, true, true, true, false])
        }
    }

    @Test("a line arrives as soon as it is written, and a chunk without a newline completes none")
    func promptness() async throws {
        let first = Gate()
        let second = Gate()
        try await withConnection({ _, _ in
            Reply(steps: [.write("one\n"), .wait(first), .write("tw"), .wait(second), .write("o\n")])
        }) { connection, _ in
            var lines = try await connection.lines(Call("GET", "/")).makeAsyncIterator()
            #expect(try await lines.next()?.text == "one")
            await first.open()
            await second.open()
            #expect(try await lines.next()?.text == "two")
            #expect(try await lines.next() == nil)
            #expect(try await lines.next() == nil)
        }
    }

    @Test("a connection lost in the middle of a line is an error after the whole lines")
    func lost() async throws {
        let gate = Gate()
        try await withConnection({ _, _ in Reply(steps: [.write("one\ntw"), .wait(gate), .drop]) }) {
            connection, server in
            var lines = try await connection.lines(Call("GET", "/")).makeAsyncIterator()
            #expect(try await lines.next()?.text == "one")
            await gate.open()
            let error = try await transportError { _ = try await lines.next() }
            #expect(error == TransportError(.closed, server: "127.0.0.1:\(server.port)"))
            #expect(try await lines.next() == nil)
        }
    }

    @Test("many open streams do not block calls")
    func manyStreams() async throws {
        try await withConnection({ request, _ in
            request.path == "/watch" ? Reply(steps: [.write("x\n"), .hang]) : .text("ok")
        }) { connection, _ in
            var streams: [LineStream.AsyncIterator] = []
            for _ in 0..<40 {
                var lines = try await connection.lines(Call("GET", "/watch")).makeAsyncIterator()
                #expect(try await lines.next()?.text == "x")
                streams.append(lines)
            }
            #expect(try await connection.send(Call("GET", "/", deadline: .seconds(10))).status == 200)
            #expect(streams.count == 40)
        }
    }

    @Test("a task that waits for a line can be cancelled")
    func cancellation() async throws {
        try await withConnection({ _, _ in Reply(steps: [.write("one\n"), .hang]) }) { connection, _ in
            let seen = Gate()
            let reading = Task {
                for try await _ in try await connection.lines(Call("GET", "/")) { await seen.open() }
            }
            await seen.pass()
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
        }
    }

    @Test("a stream that exceeds its idle limit fails")
    func silence() async throws {
        let script: @Sendable (Received, Int) async throws -> Reply = { _, _ in Reply(steps: [.write("one\n"), .hang]) }
        try await withConnection(streamIdleLimit: .milliseconds(200), script) { connection, server in
            let error = try await transportError {
                for try await line in try await connection.lines(Call("GET", "/")) { #expect(line.text == "one") }
            }
            #expect(error.description == "127.0.0.1:\(server.port) sent nothing for 200 ms")
        }
    }

    @Test("the complete body of an error response can be read")
    func errorBody() async throws {
        try await withConnection({ _, _ in .text("line\nline", status: 403) }) { connection, _ in
            let stream = try await connection.lines(Call("GET", "/"))
            #expect(stream.status == 403)
            #expect(try await stream.collect() == Data("line\nline".utf8))
        }
    }

    @Test("a line beyond the limit ends the stream, or is truncated and the stream continues")
    func longLines() async throws {
        let long = String(repeating: "x", count: 50)
        let steps: [Reply.Step] = ["ok\n", long, long, "\nnext\n", long, "\n", long].map { .write($0) }
        try await withConnection({ _, _ in Reply(steps: steps) }) { connection, server in
            let cutting = try await connection.lines(Call("GET", "/"), limit: LineLimit(bytes: 8, excess: .truncates))
            #expect(try await texts(cutting) == ["ok", "xxxxxxxx", "next", "xxxxxxxx", "xxxxxxxx"])

            var failing = try await connection.lines(Call("GET", "/"), limit: LineLimit(bytes: 8)).makeAsyncIterator()
            #expect(try await failing.next()?.text == "ok")
            let error = try await transportError { _ = try await failing.next() }
            #expect(error.description == "127.0.0.1:\(server.port) sent a line longer than 8 bytes")
        }
    }

    @Test("however a text is cut into chunks, the lines are the same", arguments: 0..<50)
    func splitting(seed: Int) {
        var generator = SplitMix(state: UInt64(seed))
        let lines = (0..<Int.random(in: 0...20, using: &generator)).map { _ in
            String(repeating: "é", count: Int.random(in: 0...9, using: &generator))
        }
        var bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
        var splitter = ResponseLineSplitter(limit: LineLimit(bytes: 18))
        var seen: [String] = []
        while !bytes.isEmpty {
            let count = Int.random(in: 1...min(7, bytes.count), using: &generator)
            splitter.append(ByteBuffer(bytes: bytes.prefix(count)))
            bytes.removeFirst(count)
            while let line = splitter.next() { seen.append(line.text) }
        }
        #expect(splitter.finish() == nil)
        #expect(splitter.failedAt == nil)
        #expect(seen == lines)
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
