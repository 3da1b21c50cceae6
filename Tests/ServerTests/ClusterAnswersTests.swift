import Controller
import Foundation
import Journal
import JournalSQLite
import Logging
import ReleaseMachine
import Testing
import ViridianConfiguration

@testable import Server

/// What `/readyz` says of clusters.
@Suite("Which clusters answer")
struct ClusterAnswersTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder(inMemory: true) }

    /// With an app in each cluster, called as it.
    private func services(_ clusters: [String?], silent: Set<String> = []) async throws -> Services {
        let journal = try Journal(path: folder.journal)
        var apps = FakeApps(
            world: FakeWorld(), journal: journal, me: "me",
            configurations: try clusters.map { name in
                try AppConfiguration(
                    app: name ?? "blog", cluster: name, ports: .init(container: 9000, blue: 30000, green: 30001),
                    image: "blog")
            })
        apps.silent = silent
        return try await Services(
            apps: apps, journal: journal,
            settings: ServerSettings(listen: ListenAddress(host: "127.0.0.1", port: 0), version: "0.1.0"),
            logger: Logger(label: "test"))
    }

    private func observation(_ services: Services, ago: Duration = .zero) -> AppObservation {
        AppObservation(
            at: services.clock.now + ago * -1, survey: ClusterSurvey(recorded: nil, recordedBy: nil, workloads: [:]),
            readings: [])
    }

    @Test("the only cluster, without a name, is told of as ever")
    func one() async throws {
        let answers = await ClusterAnswers(try await services([nil]))
        #expect(answers.isAnyThere && answers.sentence == "ok" && answers.byName == nil)
    }

    @Test("clusters that answer are asked when nobody has read them yet")
    func all() async throws {
        let answers = await ClusterAnswers(try await services([nil, "east", "west"]))
        #expect(answers.isAnyThere && answers.sentence == "ok")
        #expect(answers.byName == ["default": "ok", "east": "ok", "west": "ok"])
    }

    @Test("one that was read recently is not waited for behind one that does not answer, which is named")
    func silent() async throws {
        let services = try await services(["east", "north", "west"], silent: ["north", "west"])
        await services.appStates.record(observation(services), for: "east")
        let answers = await ClusterAnswers(services)
        #expect(answers.isAnyThere && answers.sentence == "north, west do not answer")
        #expect(answers.byName == ["east": "ok", "north": "does not answer", "west": "does not answer"])
    }

    @Test("a cluster that could not be read since it was read last is asked again")
    func problem() async throws {
        let services = try await services(["east", "west"], silent: ["west"])
        for app in ["east", "west"] { await services.appStates.record(observation(services), for: app) }
        #expect(await ClusterAnswers(services).sentence == "ok")
        await services.appStates.record(problem: "no answer", for: "west")
        #expect(await ClusterAnswers(services).sentence == "west does not answer")
    }

    @Test("what was read long ago says nothing")
    func old() async throws {
        let services = try await services(["east", "west"], silent: ["west"])
        await services.appStates.record(observation(services), for: "east")
        await services.appStates.record(observation(services, ago: .seconds(600)), for: "west")
        #expect(await ClusterAnswers(services).byName?["west"] == "does not answer")
    }
}
