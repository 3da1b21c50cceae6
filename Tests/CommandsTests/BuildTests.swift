import Controller
import Testing

@testable import Commands

@Suite("What viridian version says")
struct BuildTests {
    @Test("a packaged program names its commit, the day of its package and the compiler")
    func packaged() {
        let build = Build(record: "commit=abc1234-modified built=2026-11-26 swift=6.3.1")
        #expect(
            build.line.hasPrefix("viridian \(Viridian.version) (commit abc1234-modified, built 2026-11-26, "),
            "\(build)")
        #expect(build.line.contains("Swift 6.3.1, "), "\(build)")
    }

    @Test("a development build says that it is one", arguments: ["", "commit", "  built= x "])
    func development(_ record: String) throws {
        let build = Build(record: record)
        #expect(build.line.hasPrefix("viridian \(Viridian.version) (development build, debug, Swift 6."), "\(build)")
        let json = try build.jsonLine()
        #expect(json.contains(#""built":null,"commit":null,"configuration":"debug""#), "\(json)")
    }
}
