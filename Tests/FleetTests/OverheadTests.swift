import Fleet
import Processes
import Testing

@Suite struct OverheadTests {
    /// How long a shell takes for so many programs that do nothing: what this machine, as busy as it is, charges for the like.
    private func spawning(_ count: Int) async throws -> Duration {
        let loop = "i=0; while [ $i -lt \(count) ]; do /bin/true; i=$((i + 1)); done"
        return try await ContinuousClock().measure { _ = try await Command("sh", ["-c", loop]).run() }
    }

    @Test("staging and switching cost little beyond nginx's own reload")
    func overhead() async throws {
        try await withSite { site in
            let fleet = try site.fleet()
            var (stages, switches, yards): ([Duration], [Duration], [Duration]) = ([], [], [])
            let clock = ContinuousClock()
            for round in 1...11 {
                let port = round.isMultiple(of: 2) ? site.blue : site.green
                let plan = StagePlan(port: port, token: round, version: "v", color: "c", release: "blog/\(round)")
                stages.append(
                    try await clock.measure { _ = try await fleet.stage(site.upstream, on: site.node, plan) }
                )
                switches.append(
                    try await clock.measure {
                        _ = try await fleet.switch(site.upstream, on: site.node, to: port, token: round)
                    }
                )
                yards.append(try await spawning(100))
            }
            // The minimum of each, as a median depends on the machine's load.
            let (stage, flip, yard) = (stages.sorted()[0], switches.sorted()[0], yards.sorted()[0])
            print("best of 11: stage \(stage), switch \(flip), 100 programs \(yard)")
            // Staging starts about 10 programs, two of which are nginx and bash; switching about 12. nginx alone takes about 120 ms
            // of the switch, asleep.
            #expect(stage < yard * 2)
            #expect(flip < yard * 3 + .milliseconds(400))
        }
    }
}
