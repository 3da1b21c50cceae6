import Fleet
import Testing

@Suite struct OverheadTests {
    @Test("staging and switching cost little beyond nginx's own reload")
    func overhead() async throws {
        try await withSite { site in
            let fleet = try site.fleet()
            var stages: [Duration] = []
            var switches: [Duration] = []
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
            }
            let (stage, flip) = (stages.sorted()[5], switches.sorted()[5])
            print("median of 11: stage \(stage), switch \(flip)")
            // nginx alone takes about 120 ms of the switch. The limits are wide: other tests run at the same time.
            #expect(stage < .seconds(2) && flip < .seconds(3))
        }
    }
}
