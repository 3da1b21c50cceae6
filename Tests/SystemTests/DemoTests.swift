import Foundation
import Testing

extension Releases {
    @Suite struct DemoTests {
        @Test("the demo releases v1, then v2 under load, fails no request, and leaves nothing behind")
        func demo() async throws {
            let directory = FileManager.default.temporaryDirectory.path + "/viridian-demo-test-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let said = try await Program(in: directory)("demo", "--exit", "--port", "0")
            #expect(said.status == 0, "\(said)")
            #expect(said.error.isEmpty)
            let report = said.lines.suffix(6)
            #expect(report.contains { $0.contains(/^requests  [1-9][0-9]* sent, 0 failed$/) }, "\(said)")
            #expect(
                report.contains { $0.contains(/v1 answered [0-9]+ requests, v2 answered [0-9]+ requests/) }, "\(said)")
            #expect(report.contains { $0.contains(/^switch    [0-9]+ ms from the last pod's readiness/) }, "\(said)")
            #expect(report.contains("before    v1 on blue"), "\(said)")
            #expect(report.last == "after     v2 on green", "\(said)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/tmp") == [])
            // A node's watchdog checks once a second whether its nginx still runs.
            let areGone = try await eventually { try processes(naming: directory).isEmpty }
            let left = try processes(naming: directory)
            #expect(areGone, "\(left)")
        }
    }
}
