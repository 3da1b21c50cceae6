import Testing

@testable import Server

@Suite("From a push to a release, simulated")
struct QueueSimulationTests {
    @Test(
        "200 random courses of pushes, pipelines, calls, rollbacks, locks, freezes and crashes: never two at once, never an older one by itself, nothing lost, everything explained",
        arguments: 0..<200)
    func course(_ seed: Int) async throws {
        let simulation = try QueueSimulation(seed: UInt64(seed))
        try await simulation.run(steps: 24)
        let last = simulation.story.suffix(40).joined(separator: "\n")
        #expect(simulation.failures.isEmpty, "seed \(seed): \(simulation.failures.prefix(3))\n\(last)")
    }
}
