import Foundation
import ReleaseMachine
import Testing

@testable import ViridianConfiguration

/// Freeze windows against Python's own reading of the time zone database, over two years, minute by minute around every change of clocks.
@Suite("Freeze windows and changes of clocks")
struct FreezeWindowOracleTests {
    private static let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Oracles/freeze-windows.py").path

    private static let hasPython: Bool = {
        (try? python(["-c", "import zoneinfo; zoneinfo.ZoneInfo('Europe/Berlin')"])) != nil
    }()

    @Test(
        "a window is closed when zoneinfo says so, and until then",
        .enabled(if: hasPython, "needs python3 with zoneinfo and the time zone database (Debian's tzdata)"))
    func oracle() throws {
        var window: FreezeWindow?
        var (windows, samples, closed) = (0, 0, 0)
        var wrong: [String] = []
        for line in try Self.python([Self.script]).split(separator: "\n") {
            if line.hasPrefix("window ") {
                window = try Self.window(line.dropFirst(7).split(separator: "|").map(String.init))
                windows += 1
                continue
            }
            let fields = line.split(separator: " ")
            let instant = try #require(fields.first.flatMap { Int($0) })
            let expected = fields.last.flatMap { Int($0) }
            let current = try #require(window)
            let found = current.closedUntil(instant)
            if found != expected {
                let said = found.map(String.init) ?? "open", should = expected.map(String.init) ?? "open"
                wrong.append("\(current.name) at \(instant): \(said) instead of \(should)")
            }
            // Until then it stays closed with the same end, and then it is open.
            if let found, samples % 16 == 0 {
                let between = [instant + (found - instant) / 2, found - 1]
                if between.contains(where: { current.closedUntil($0) != found }) || current.closedUntil(found) != nil {
                    wrong.append("\(current.name) is not closed throughout from \(instant) to \(found), or longer")
                }
            }
            samples += 1
            closed += expected == nil ? 0 : 1
        }
        #expect(wrong.isEmpty, "\(wrong.count): \(wrong.prefix(20).joined(separator: "\n"))")
        #expect(windows > 300 && closed > 50_000 && samples - closed > 50_000, "\(windows), \(samples), \(closed)")
    }

    private static func window(_ parts: [String]) throws -> FreezeWindow {
        try #require(parts.count == 3)
        let period: FreezeWindow.Period =
            if let from = WeeklyTime(parts[1]), let to = WeeklyTime(parts[2]) {
                .weekly(from: from, to: to)
            } else {
                .once(from: try #require(CalendarTime(parts[1])), to: try #require(CalendarTime(parts[2])))
            }
        return FreezeWindow(
            name: parts.joined(separator: " "), period: period, timeZone: try IANATimeZone(parts[0]))
    }

    private static func python(_ arguments: [String]) throws -> String {
        let python = Process()
        python.executableURL = URL(filePath: "/usr/bin/env")
        python.arguments = ["python3"] + arguments
        let output = Pipe()
        python.standardOutput = output
        try python.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        python.waitUntilExit()
        guard python.terminationStatus == 0 else { throw Failure(status: python.terminationStatus) }
        return String(decoding: text, as: UTF8.self)
    }

    private struct Failure: Error {
        var status: Int32
    }
}

extension FreezeWindow {
    /// In seconds since 1970 UTC.
    fileprivate func closedUntil(_ instant: Int) -> Int? {
        closedUntil(Timestamp(milliseconds: Int64(instant) * 1000), app: "blog").map { Int($0.milliseconds / 1000) }
    }
}
