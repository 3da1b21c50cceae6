import Controller
import Foundation
import ReleaseMachine
import Testing

@testable import Commands

/// Untrusted text from an annotation, a CI variable or a server.
let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\rv9\nFORGED\u{202e}\u{2067}\u{9b}1m\u{2028}x"

/// Whether the text contains no control characters except line ends.
func isSafe(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
        scalar == "\n"
            || scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value)
                && !(0x2028...0x202E).contains(scalar.value)
                && !(0x2066...0x2069).contains(scalar.value)
    }
}

@Suite("Output on a terminal")
struct SafeOutputTests {
    @Test("a line is one line with any text, and has no control sequences except the program's styles")
    func lines() {
        #expect(isSafe(TerminalLine(hostile).written) && !TerminalLine(hostile).written.contains("\n"))
        let plain = Terminal(isInteractive: false, usesColor: false, width: 80)
        #expect(isSafe((plain.styled(hostile, .bold) + hostile).written))
        let colored = Terminal(isInteractive: true, usesColor: true, width: 80).styled(hostile, .bold).written
        #expect(colored.hasPrefix("\u{1b}[1m") && colored.hasSuffix("\u{1b}[0m"))
        #expect(isSafe(String(colored.dropFirst(4).dropLast(4))))
    }

    @Test("JSON is escaped as JSON, and decodes to the same text")
    func json() throws {
        let line = try [hostile].jsonLine()
        #expect(isSafe(line) && !line.contains("\n"), "\(line)")
        #expect(try JSONDecoder().decode([String].self, from: Data(line.utf8)) == [hostile])
    }

    @Test("status shows untrusted versions and messages without control sequences")
    func status() throws {
        let json = #"""
            {"app":"blog","namespace":"blog","live":{"color":"blue","version":HOSTILE,"release":1},
             "colors":{"blue":{"version":HOSTILE,"image":HOSTILE,"replicas":1,"ready":1}},
             "nodes":[{"address":HOSTILE,"color":"blue","message":HOSTILE}],"advice":[HOSTILE],"drifted":[HOSTILE],
             "holds":[{"sentence":HOSTILE,"automatic":true}],
             "queued":{"version":HOSTILE,"since":HOSTILE,"waits":HOSTILE}}
            """#.replacing("HOSTILE", with: try hostile.jsonLine())
        let view = try JSONDecoder().decode(AppView.self, from: Data(json.utf8))
        let lines = view.lines(Terminal(isInteractive: false, usesColor: false, width: 80)).map(\.written)
        #expect(lines.allSatisfy { isSafe($0) && !$0.contains("\n") }, "\(lines)")
        #expect(lines.contains { $0.contains("FORGED") })
        #expect(!lines.contains { $0.hasPrefix("FORGED") })
    }

    @Test("the user name is on one line")
    func name() {
        let name = caller(["VIRIDIAN_USER": hostile])
        #expect(isSafe(name) && !name.contains("\n") && name.contains("FORGED"), "\(name)")
    }
}
