import Glibc

/// Splits a stream of bytes into lines at LF; a CR before it is dropped, lines longer than `limit` are truncated.
///
/// Nothing that a child writes makes it fail or grow without bound.
struct LineSplitter: Sendable {
    /// The most bytes of a line that are kept.
    static let limit = 16 * 1024

    struct Line: Sendable, Equatable {
        var text: String
        var isTruncated: Bool
    }

    private var pending: [UInt8] = []
    private var isTruncated = false
    /// The current line has at least one byte, even if none is kept.
    private var isOpen = false

    /// The lines that end in these bytes.
    mutating func append(_ bytes: UnsafeRawBufferPointer) -> [Line] {
        var lines: [Line] = []
        var rest = bytes[...]
        while let start = UnsafeRawBufferPointer(rebasing: rest).baseAddress {
            guard let end = memchr(start, 0x0A, rest.count) else { break }
            let length = UnsafeRawPointer(end) - start
            take(rest.prefix(length))
            if !isTruncated, pending.last == 0x0D { pending.removeLast() }
            lines.append(close())
            rest = rest.dropFirst(length + 1)
        }
        take(rest)
        return lines
    }

    /// The last line, if the stream ended without a line ending.
    mutating func finish() -> Line? {
        isOpen ? close() : nil
    }

    private mutating func take(_ bytes: Slice<UnsafeRawBufferPointer>) {
        guard !bytes.isEmpty else { return }
        isOpen = true
        // One byte more than the limit is kept until the line ends: it may be the CR that is dropped.
        let room = Self.limit + 1 - pending.count
        pending.append(contentsOf: bytes.prefix(room))
        if bytes.count > room { isTruncated = true }
    }

    private mutating func close() -> Line {
        defer {
            pending.removeAll(keepingCapacity: true)
            isTruncated = false
            isOpen = false
        }
        if pending.count > Self.limit { isTruncated = true }
        guard isTruncated else { return Line(text: String(decoding: pending, as: UTF8.self), isTruncated: false) }
        return Line(
            text: String(decoding: pending.prefix(wholeCharacters(Self.limit)), as: UTF8.self), isTruncated: true)
    }

    /// The largest length up to `length` that does not cut a UTF-8 sequence of the pending bytes.
    private func wholeCharacters(_ length: Int) -> Int {
        guard length < pending.count else { return pending.count }
        // A sequence has at most three continuation bytes; more than that is not UTF-8, and cut anywhere.
        for back in 0..<4 where pending[length - back] & 0xC0 != 0x80 { return length - back }
        return length
    }
}

/// The last `limit` bytes of a stream.
struct OutputTail: Sendable {
    /// 256 KiB.
    static let limit = 256 * 1024

    private let limit: Int
    private var bytes: [UInt8] = []
    private var total = 0

    init(limit: Int = Self.limit) {
        self.limit = limit
    }

    mutating func append(_ more: UnsafeRawBufferPointer) {
        total += more.count
        bytes.append(contentsOf: more.suffix(limit))
        // Trimmed only at twice the limit, so that each byte is moved once on average.
        if bytes.count > 2 * limit { bytes.removeFirst(bytes.count - limit) }
    }

    /// The tail as text, without a character that is only partly in it.
    var text: String {
        var tail = bytes.suffix(limit)
        if tail.count < total {
            for _ in 0..<3 { if let first = tail.first, first & 0xC0 == 0x80 { tail.removeFirst() } }
        }
        return String(decoding: tail, as: UTF8.self)
    }
}
