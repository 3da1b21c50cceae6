import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// The longest line of a response, in bytes, and what happens to a longer one.
package struct LineLimit: Sendable, Hashable {
    package enum Excess: Sendable, Hashable {
        /// The stream ends with `TransportError.Kind.lineTooLong`.
        case fails
        /// The line is truncated and the stream continues.
        case truncates
    }

    package var bytes: Int
    package var excess: Excess

    package init(bytes: Int, excess: Excess = .fails) {
        self.bytes = bytes
        self.excess = excess
    }

    package static let standard = LineLimit(bytes: 1 << 20)
}

/// A line of a response, without its LF or CRLF.
package struct ResponseLine: Sendable, Hashable {
    package var bytes: Data
    /// False for the text after the last LF when the stream ended.
    package var isTerminated: Bool
    package var isTruncated: Bool

    package init(bytes: Data, isTerminated: Bool = true, isTruncated: Bool = false) {
        self.bytes = bytes
        self.isTerminated = isTerminated
        self.isTruncated = isTruncated
    }

    package var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// A response whose body is read line by line as it arrives, with back-pressure.
///
/// It can be iterated once. Releasing the iterator, or cancelling the task that waits for a line, ends the request.
package struct LineStream: AsyncSequence, Sendable {
    package typealias Element = ResponseLine

    package let status: Int
    package let headers: HTTPConnection.Headers
    private let body: HTTPClientResponse.Body
    private let limit: LineLimit
    private let translation: ErrorTranslation

    init(_ answer: HTTPClientResponse, limit: LineLimit, translation: ErrorTranslation) {
        status = Int(answer.status.code)
        headers = .init(answer.headers)
        body = answer.body
        self.limit = limit
        self.translation = translation
    }

    /// The complete body instead of its lines, for error responses.
    package func collect(upTo limit: Int = 1 << 20, within deadline: Duration = .seconds(10)) async throws -> Data {
        do {
            return try await withDeadline(deadline) { [body] in
                Data(try await body.collect(upTo: limit).readableBytesView)
            }
        } catch {
            if Task.isCancelled { throw CancellationError() }
            throw translation(error, deadline: deadline, largestBody: limit)
        }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(
            chunks: body.makeAsyncIterator(), splitter: ResponseLineSplitter(limit: limit), translation: translation)
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var chunks: HTTPClientResponse.Body.AsyncIterator
        fileprivate var splitter: ResponseLineSplitter
        fileprivate let translation: ErrorTranslation
        private var ended = false

        fileprivate init(
            chunks: HTTPClientResponse.Body.AsyncIterator,
            splitter: ResponseLineSplitter,
            translation: ErrorTranslation
        ) {
            self.chunks = chunks
            self.splitter = splitter
            self.translation = translation
        }

        /// The next line; nil when the server ended the stream properly.
        /// - Throws: `TransportError`, or `CancellationError` when the task was cancelled.
        package mutating func next() async throws -> ResponseLine? {
            while true {
                if let line = splitter.next() { return line }
                if let bytes = splitter.failedAt {
                    ended = true
                    throw TransportError(.lineTooLong(bytes), server: translation.server)
                }
                if ended { return nil }
                do {
                    if let chunk = try await chunks.next() {
                        splitter.append(chunk)
                    } else {
                        ended = true
                        // The producer also ends with nil when its consumer is cancelled.
                        try Task.checkCancellation()
                        return splitter.finish()
                    }
                } catch {
                    ended = true
                    if Task.isCancelled { throw CancellationError() }
                    throw translation(error)
                }
            }
        }
    }
}

/// Splits chunks into lines. A chunk may hold many lines, part of a line, or nothing.
struct ResponseLineSplitter {
    /// The limit in bytes, once a line exceeded it and the limit does not truncate lines: the stream is over.
    private(set) var failedAt: Int?
    private let limit: LineLimit
    private var pending = ByteBuffer()
    /// The number of pending bytes without an LF, so that a long line is not searched again with each chunk.
    private var searched = 0
    /// The start of a line that is being truncated; the rest of the line is dropped.
    private var truncated: Data?

    init(limit: LineLimit) { self.limit = limit }

    mutating func append(_ chunk: ByteBuffer) {
        if pending.readableBytes == 0 { pending.clear() }
        pending.discardReadBytes()
        pending.writeImmutableBuffer(chunk)
    }

    mutating func next() -> ResponseLine? {
        guard failedAt == nil else { return nil }
        let view = pending.readableBytesView
        let start = view.index(view.startIndex, offsetBy: searched)
        guard let newline = view[start...].firstIndex(of: UInt8(ascii: "\n")) else {
            searched = view.count
            keepWithinLimit()
            return nil
        }
        let length = newline - view.startIndex
        searched = 0
        guard let bytes = pending.readBytes(length: length) else { return nil }
        pending.moveReaderIndex(forwardBy: 1)
        if let start = truncated {
            truncated = nil
            return ResponseLine(bytes: start, isTruncated: true)
        }
        if length > limit.bytes {
            guard limit.excess == .truncates else {
                failedAt = limit.bytes
                return nil
            }
            return ResponseLine(bytes: Data(bytes.prefix(limit.bytes)), isTruncated: true)
        }
        return ResponseLine(bytes: Data(bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes[...]))
    }

    /// The rest when the stream has ended.
    mutating func finish() -> ResponseLine? {
        searched = 0
        if let start = truncated {
            truncated = nil
            return ResponseLine(bytes: start, isTerminated: false, isTruncated: true)
        }
        guard failedAt == nil, let rest = pending.readBytes(length: pending.readableBytes), !rest.isEmpty else {
            return nil
        }
        return ResponseLine(bytes: Data(rest), isTerminated: false)
    }

    private mutating func keepWithinLimit() {
        // One byte more than the limit may be the CR of a line that fits.
        guard pending.readableBytes > limit.bytes + 1 || truncated != nil else { return }
        guard limit.excess == .truncates else {
            failedAt = limit.bytes
            return
        }
        if truncated == nil, let start = pending.getBytes(at: pending.readerIndex, length: limit.bytes) {
            truncated = Data(start)
        }
        pending.clear()
        searched = 0
    }
}
