import Controller
import ReleaseMachine
import Testing
import ViridianConfiguration

@Suite("An app that the cluster has recorded nothing of")
struct UnrecordedAppTests {
    private func live(
        _ readings: [NodeReading], madeBy release: Int? = nil, on color: Color = .green
    ) throws -> AppView.LiveView? {
        let app = try AppConfiguration(
            app: "blog", ports: .init(container: 80, blue: 30000, green: 30001), image: "registry.local:5000/blog")
        let workload = ClusterSurvey.Workload(
            version: "v2", image: "registry.local:5000/blog:v2", replicas: 2, ready: 2, release: release)
        let survey = ClusterSurvey(recorded: nil, recordedBy: nil, workloads: [color: workload])
        let observation = AppObservation(at: Timestamp(milliseconds: 0), survey: survey, readings: readings)
        return AppView(app: app, observation: observation, latest: nil).live
    }

    @Test("what other means released is live where all nodes that know it route to it")
    func adopted() throws {
        let both = [NodeReading(node: "a", color: .green), NodeReading(node: "b", color: .green)]
        let found = try live(both)
        #expect(found?.color == .green && found?.version == "v2" && found?.release == nil)
        let joined = NodeReading(node: "c", color: nil, isNew: true, message: "no upstream file")
        #expect(try live(both + [joined]) == found)
    }

    @Test("nothing is where nodes disagree or do not answer, and not the candidate of a first release")
    func unknown() throws {
        let green = NodeReading(node: "a", color: .green)
        #expect(try live([green, NodeReading(node: "b", color: .blue)]) == nil)
        #expect(
            try live([green, NodeReading(node: "b", color: nil, isUnreachable: true, message: "no answer")]) == nil)
        #expect(try live([]) == nil)
        #expect(try live([green], on: .blue) == nil)
        #expect(try live([green], madeBy: 1) == nil)
    }
}
