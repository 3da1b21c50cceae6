import Nginx

/// What is asked of a node about many apps at once.
struct AppsRequest: Sendable {
    /// `readall`, `checkall`.
    var action: String
    var apps: [Upstream]
    /// What the node gets of each app, in their order.
    var lines: [String]
    /// What a node may take for each app beyond the time of one conversation.
    var timePerApp: Duration
}

extension Fleet {
    /// One conversation about many apps: what `convert` makes of each answer, in their order.
    ///
    /// What is wrong with one app is that app's failure. What ends the conversation early is the failure of the apps that were not answered
    /// until then. A node whose installed `viridian-node` cannot answer for many apps is asked for each one by itself, with `alone`.
    func converse<Value: Sendable>(
        _ request: AppsRequest,
        on node: Node,
        alone: (Int) async -> Value,
        convert: @escaping @Sendable (Upstream, Result<AppFacts, NodeFailure>) -> Value
    ) async -> [Value] {
        guard !request.apps.isEmpty else { return [] }
        let limit = timeout + request.timePerApp * request.apps.count
        let output = AppFactsOutput(request.action, node: node, apps: request.apps, convert: convert)
        do {
            let text = request.lines.map { $0 + "\n" }.joined()
            let termination = try await run(
                request.action, arguments: [],
                payload: .texts([NodePayload.Text("apps", Array(text.utf8))]), on: node, limit: limit
            ) { await output.take($0) }
            if await output.isUnsupported {
                var values: [Value] = []
                for index in request.apps.indices { values.append(await alone(index)) }
                return values
            }
            return await output.finish(termination, limit: limit, clocks)
        } catch let failure as NodeFailure {
            return await output.finish(failure.reason)
        } catch {
            return await output.finish(.unreachable(why: "\(error)"))
        }
    }
}
