import Nginx
import Testing

/// SplitMix64: the same seed gives the same files everywhere.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// Writes upstream files as people do: any spacing, comments, parameters, neighbours.
struct FileWriter {
    var random: SeededGenerator
    let lineEnd: String

    init(seed: UInt64) {
        random = SeededGenerator(state: seed)
        lineEnd = seed.isMultiple(of: 3) ? "\r\n" : "\n"
    }

    mutating func pick(_ choices: [String]) -> String { choices.randomElement(using: &random) ?? "" }

    mutating func file() -> String {
        let parameters = Int.random(in: 0...2, using: &random)
        // `down` at the same position in each line: its position is then known from either line.
        let atEnd = parameters == 0 || Bool.random(using: &random)
        let before = pick([" ", "  ", "\t", " \t ", lineEnd + "    "])
        let after = pick(["", "", " ", "\t"])
        let downIsGreen = Bool.random(using: &random)
        var text = pick(["", "# down { ; }" + lineEnd, "upstream aLB { server 127.0.0.1:30000 down; }" + lineEnd])
        text += "upstream" + pick([" ", "\t"]) + "blogLB" + pick([" ", "", lineEnd]) + "{" + lineEnd
        text += pick(["", "  least_conn;" + lineEnd, "  zone blog 64k; # zone" + lineEnd, "\tkeepalive 16;" + lineEnd])
        for port in [30000, 30001] {
            let isDown = (port == 30001) == downIsGreen
            text += pick(["", "  ", "\t"]) + "server" + pick([" ", "   "]) + "127.0.0.1:\(port)"
            if isDown, !atEnd { text += before + "down" }
            for _ in 0..<parameters {
                text += pick([" ", "  ", "\t"]) + pick(["weight=5", "max_fails=0", "fail_timeout=10s", "backup"])
            }
            if isDown, atEnd { text += before + "down" }
            text += after + ";" + pick(["", " # down;", "# x"]) + lineEnd
        }
        text += pick(["", "  server unix:/run/down:30000;" + lineEnd, "  # server 127.0.0.1:30001 down;" + lineEnd])
        return text + "}" + pick(["", lineEnd, lineEnd + "map $a $b { default \"}\"; }" + lineEnd])
    }
}

@Suite struct UpstreamFileProperties {
    @Test("switching is exact, repeatable and undone by switching back")
    func switching() throws {
        for seed in UInt64(0)..<3000 {
            var writer = FileWriter(seed: seed)
            let text = writer.file()
            let file = try UpstreamFile(parsing: text)
            guard case .only(let live) = try file.routing(of: "blogLB", ports: blog) else {
                Issue.record("seed \(seed): not one live port\n\(text)")
                continue
            }
            let other = blog.other(than: live)
            let there = try file.switching("blogLB", up: other, down: live)
            let back = try there.switching("blogLB", up: live, down: other)
            let unmoved = try file.switching("blogLB", up: live, down: other)
            let again = try there.switching("blogLB", up: other, down: live)
            #expect(try there.routing(of: "blogLB", ports: blog) == .only(other), "seed \(seed)\n\(text)")
            #expect(back.bytes == file.bytes, "seed \(seed)\n\(text)\n\(there.text)\n\(back.text)")
            #expect(unmoved.bytes == file.bytes && again.bytes == there.bytes, "seed \(seed)")
            #expect(words(there.text) == words(text), "seed \(seed): more than the word down changed")
        }
    }

    /// Everything that is neither white space nor `down`.
    private func words(_ text: String) -> String {
        String(text.unicodeScalars.filter { !$0.properties.isWhitespace }.map(Character.init))
            .split(separator: "down").joined()
    }

    @Test("any bytes are kept or refused, and never crash the process")
    func anyBytes() throws {
        let alphabet = Array("upstream server blogLB{};#\"'\\$ \t\r\n127.0.0.1:30000 down".utf8) + [0, 0xC3, 0xFF]
        var random = SeededGenerator(state: 42)
        var kept = 0
        for _ in 0..<20_000 {
            let length = Int.random(in: 0...60, using: &random)
            let bytes = (0..<length).map { _ in alphabet.randomElement(using: &random) ?? 0 }
            guard let file = try? UpstreamFile(parsing: bytes) else { continue }
            kept += 1
            #expect(file.bytes == bytes)
        }
        #expect(kept > 100)
    }

    @Test("a broken piece of a real file is read or refused, never misread")
    func truncated() throws {
        let text = Array(article.utf8)
        for length in 0..<text.count - 1 {
            let piece = try? UpstreamFile(parsing: Array(text[..<length]))
            // Only with its closing brace is there an upstream.
            #expect(piece == nil || piece?.upstreams.isEmpty == true || length == text.count - 1, "\(length)")
        }
    }
}
