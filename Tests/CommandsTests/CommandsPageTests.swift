import ArgumentParser
import Foundation
import Testing

@testable import Commands

@Suite("docs/commands.md")
struct CommandsPageTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test("it says what the command line says of itself: script/commands writes it")
    func isCurrent() throws {
        let page = try String(contentsOf: Self.root.appending(path: "docs/commands.md"), encoding: .utf8)
        let written = try Self.write(Viridian._dumpHelp())
        let lines = zip(written.split(separator: "\n"), page.split(separator: "\n"))
        if let different = lines.first(where: { $0.0 != $0.1 }) {
            Issue.record("the command line says \"\(different.0)\", the page \"\(different.1)\": run script/commands")
        }
        #expect(written.utf8.count == page.utf8.count, "run script/commands")
    }

    /// What the script makes of a description.
    private static func write(_ description: String) throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "viridian-\(UUID()).json")
        try Data(description.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let script = Process()
        script.executableURL = URL(filePath: "/usr/bin/env")
        script.arguments = ["python3", root.appending(path: "script/commands").path, "-"]
        script.standardInput = try FileHandle(forReadingFrom: file)
        let output = Pipe()
        script.standardOutput = output
        try script.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        script.waitUntilExit()
        try #require(script.terminationStatus == 0, "script/commands ended with \(script.terminationStatus)")
        return String(decoding: text, as: UTF8.self)
    }
}
