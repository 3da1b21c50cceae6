import Foundation
import Kubernetes
import Processes
import Testing

extension RealClusterTests {
    /// `kill -9` of the API server, at each step of a release.
    @Suite(.enabled(if: RealCluster.tool != nil, RealCluster.missingTool))
    struct OutageTests {
        /// A moment of a release, by its first line of output.
        enum Moment: String, CaseIterable, CustomTestStringConvertible {
            case discovering = "Collecting nodes and the live colour"
            case creating = "Deploying to colour"
            case starting = "Waiting for the pods to come online fully"
            case staging = "--- Staging"
            case verifying = "--- Paused for verification"
            case switching = "--- Switching"
            case draining = "All nodes route to"
            case retiring = "--- Running the cleanup ---"

            var testDescription: String { "\(self)" }
        }

        @Test("killed and restarted in each phase, the API server delays the release, and nothing is created twice")
        func killed() async throws {
            try await withRealWorld { world in
                try await world.release("v1")
                let report = try await world.underLoad {
                    var color = "blue"
                    for (index, moment) in Moment.allCases.enumerated() {
                        color = color == "blue" ? "green" : "blue"
                        let said = try await release(index.isMultiple(of: 2) ? "v2" : "v1", at: moment, world)
                        try #require(said.status == 0, "killed while \(moment): \(said)")
                        try await world.expectLive(index.isMultiple(of: 2) ? "v2" : "v1", on: color)
                        try await expectNothingTwice(world, moment)
                    }
                }
                let history = try await world.viridian("releases", "blog", "-o", "json").jsonLines
                #expect(history.map { $0["number"]?.integer } == (1...Moment.allCases.count + 1).reversed())
                print("API server killed in \(Moment.allCases.count) phases: \(report)")
                #expect(report.errors == 0, "\(report.reports)")
            }
        }

        /// A release in which the API server is away from `moment` until it has started again.
        private func release(_ version: String, at moment: Moment, _ world: RealWorld) async throws -> Program.Said {
            let (kills, killed) = AsyncStream.makeStream(of: Int32.self)
            async let isBack: Void = {
                for await process in kills { try await RealCluster.startAPIServer(after: process) }
            }()
            let words = ["deploy", "blog", "--version", version] + (moment == .verifying ? ["--verify"] : [])
            let hit = Hit()
            async let running = world.viridian.run(
                words, deadline: .seconds(180),
                onLine: { line in
                    guard line.contains(moment.rawValue), await hit.first() else { return }
                    do {
                        killed.yield(try RealCluster.killAPIServer())
                    } catch {
                        Issue.record("the API server cannot be killed: \(error)")
                    }
                    killed.finish()
                })
            if moment == .verifying {
                try await isBack
                let promoted = try await world.viridian("promote", "blog", deadline: .seconds(120))
                #expect(promoted.status == 0, "\(promoted)")
                return try await running
            }
            let said = try await running
            killed.finish()
            try await isBack
            #expect(await !hit.first(), "no line with \"\(moment.rawValue)\" came: \(said)")
            return said
        }

        private func expectNothingTwice(_ world: RealWorld, _ moment: Moment) async throws {
            let pods = try await world.admin.list(.pods, namespace: world.namespace).items
            #expect(pods.count == 2, "\(moment)")
            let services = try await world.admin.list(.services, namespace: world.namespace).items
            #expect(services.count == 2, "\(moment)")
            let leases = try await world.admin.list(.leases, namespace: world.namespace).items
            #expect(leases.count == 1, "\(moment)")
        }
    }
}

private actor Hit {
    private var isDone = false

    /// Whether this is the first call.
    func first() -> Bool {
        defer { isDone = true }
        return !isDone
    }
}
