import Controller
import Hummingbird
import HummingbirdCore
import Journal
import ReleaseMachine
import ViridianConfiguration

/// What the nodes route to, and bringing drifted nodes back.
extension API {
    @Sendable func listNodes(_ request: Request, _ context: ServerContext) async throws -> Response {
        let identity = try context.require(.viewer)
        var names = appsSeen(by: identity)
        if let only = try appInQuery(request, context) {
            names = [only]
            await services.driftMonitor.check(only, unlessYoungerThan: .seconds(2))
        }
        var rows: [NodeRoute] = []
        var unread: [NodeList.Unread] = []
        for name in names {
            let observation = await services.appStates.observation(name)
            let (problem, readings) = await services.appStates.failure(name)
            let cluster = try services.apps.configuration(name).cluster
            rows += (observation?.readings ?? readings).map {
                NodeRoute(app: name, cluster: cluster, reading: $0, live: observation?.survey.recorded?.color)
            }
            if let problem = problem ?? (observation == nil ? "not read yet" : nil) {
                unread.append(.init(app: name, cluster: cluster, problem: problem))
            }
        }
        return .json(NodeList(nodes: rows, unread: unread))
    }

    @Sendable func repair(_ request: Request, _ context: ServerContext) async throws -> Response {
        let app = try app(context)
        let isDryRun = try BodyFields(request, context, known: ["dryRun"]).flag("dryRun") ?? false
        let report = try await services.releaseService(context).repair(app, isDryRun: isDryRun)
        return .json(RepairView(app, report, isDryRun: isDryRun))
    }
}
