import Testing

@testable import Processes

@Suite("Splitting lines")
struct LineSplitterTests {
    private func split(_ bytes: [UInt8], chunk: Int) -> [LineSplitter.Line] {
        var splitter = LineSplitter()
        var lines: [LineSplitter.Line] = []
        for start in stride(from: 0, to: bytes.count, by: chunk) {
            lines += bytes[start..<min(start + chunk, bytes.count)].withUnsafeBytes { splitter.append($0) }
        }
        if let last = splitter.finish() { lines.append(last) }
        return lines
    }

    @Test("lines are the same however the bytes arrive", arguments: [1, 2, 3, 5, 7, 100])
    func chunks(_ chunk: Int) {
        let text = "one\ntwo\r\n\r\n\nthr\ree\n\u{0B}é\u{0C}\u{2028}end"
        let expected = ["one", "two", "", "", "thr\ree", "\u{0B}é\u{0C}\u{2028}end"]
        #expect(split(Array(text.utf8), chunk: chunk).map(\.text) == expected)
    }

    @Test("an empty stream has no line, a single line ending has an empty one")
    func empty() {
        #expect(split([], chunk: 1) == [])
        #expect(split([0x0A], chunk: 1).map(\.text) == [""])
        #expect(split(Array("a\n".utf8), chunk: 1).map(\.text) == ["a"])
        #expect(split(Array("a\r\nb\r".utf8), chunk: 1).map(\.text) == ["a", "b\r"])
    }

    @Test("a line of exactly the limit is whole, one byte more is truncated; a CR does not count")
    func limit() {
        let full = [UInt8](repeating: 0x78, count: LineSplitter.limit)
        for chunk in [1000, 4096, 1 << 20] {
            #expect(split(full + [0x0A], chunk: chunk).map(\.isTruncated) == [false])
            #expect(split(full + [0x0D, 0x0A], chunk: chunk).map(\.isTruncated) == [false])
            #expect(split(full + [0x0D, 0x0A], chunk: chunk).map(\.text.utf8.count) == [LineSplitter.limit])
            #expect(split(full + [0x78, 0x0A], chunk: chunk).map(\.isTruncated) == [true])
            #expect(split(full + full + full + [0x0D, 0x0A, 0x79], chunk: chunk).map(\.isTruncated) == [true, false])
            #expect(split(full + [0x78], chunk: chunk).map(\.text.utf8.count) == [LineSplitter.limit])
        }
    }

    @Test("truncation does not cut a character in two", arguments: 0..<4)
    func characters(_ offset: Int) {
        let text = String(repeating: "x", count: offset) + String(repeating: "😀", count: 5000)
        let line = split(Array(text.utf8), chunk: 999)[0]
        #expect(line.isTruncated)
        #expect(text.hasPrefix(line.text))
        #expect(line.text.utf8.count > LineSplitter.limit - 4)
    }

    @Test("bytes that are not UTF-8 are shown as such, even when truncated")
    func invalid() {
        #expect(split([0x61, 0xFF, 0x62, 0x0A], chunk: 10).map(\.text) == ["a\u{FFFD}b"])
        #expect(split([UInt8](repeating: 0x80, count: 20_000), chunk: 512).map(\.isTruncated) == [true])
    }

    @Test("a tail keeps the end and no partial character")
    func tail() {
        var tail = OutputTail()
        let text = String(repeating: "é", count: 300_000) + "!"
        for start in stride(from: 0, to: 600_001, by: 65_536) {
            Array(text.utf8)[start..<min(start + 65_536, 600_001)].withUnsafeBytes { tail.append($0) }
        }
        #expect(text.hasSuffix(tail.text))
        #expect(tail.text.utf8.count == OutputTail.limit - 1)
    }
}
