import Foundation
import Kubernetes
import Processes
import Testing

extension Releases {
    @Suite struct RaceTests {
        @Test("of two deploys at the same instant one releases, and the other reports the holder, ten times")
        func race() async throws {
            try await withWorld { world in
                for round in 1...10 {
                    let pids = Pids()
                    async let one = world.viridian.run(
                        ["deploy", "blog", "--version", "v\(round)a"], onStart: { await pids.add($0) })
                    async let other = world.viridian.run(
                        ["deploy", "blog", "--version", "v\(round)b"], onStart: { await pids.add($0) })
                    let both = try await [one, other]
                    let winners = both.filter { $0.status == 0 }
                    let losers = both.filter { $0.status == 75 }
                    try #require(winners.count == 1 && losers.count == 1, "\(both)")
                    #expect(losers[0].output.isEmpty, "\(losers)")
                    #expect(losers[0].errorLines.count == 1, "\(losers)")
                    let names = await pids.all.contains { losers[0].error.contains("(process \($0))") }
                    #expect(names, "\(losers)")
                }
                let history = try await world.viridian("releases", "blog", "-o", "json").jsonLines
                #expect(history.map { $0["number"]?.integer } == (1...10).reversed())
                #expect(history.filter { $0["state"] == "live" }.count == 1)
            }
        }
    }
}

private actor Pids {
    private(set) var all: [Int32] = []
    func add(_ process: Int32) { all.append(process) }
}
