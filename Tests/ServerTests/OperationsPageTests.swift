import Foundation
import Testing

@testable import Server

@Suite("docs/operations.md")
struct OperationsPageTests {
    @Test("every metric that it names is one that the server has")
    func metrics() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/operations.md"), encoding: .utf8)
        let named = Set(page.matches(of: /\bviridian_[a-z_]+/).map { String($0.output) })
        let families = Metrics(version: "1").text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
            .map { String($0.split(separator: " ")[2]) }
        #expect(named.count > 10)
        #expect(named.subtracting(families).sorted() == [])
    }

    @Test("its table has every metric of the server, with labels and meaning")
    func table() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/operations.md"), encoding: .utf8)
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `viridian_") }.map(String.init)
        let expected = Metrics.known.map { family in
            let row = rows.first { $0.hasPrefix("| `\(family.name)` |") } ?? ""
            let labels = Set(
                row.split(separator: "|").dropFirst().first?.matches(of: /`(\w+)`/).map { String($0.output.1) } ?? [])
            #expect(labels == family.labels, "\(family.name)")
            #expect(row.hasSuffix("| \(family.help) |"), "\(family.name): \(row)")
            return family.name
        }
        #expect(rows.count == expected.count)
    }
}
