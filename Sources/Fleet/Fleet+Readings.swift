import Nginx

extension Fleet {
    /// Reads what a node has of many apps in one conversation, and what `convert` makes of each reading, in the order of `apps`.
    ///
    /// One app's file that cannot be read is that app's failure. What ends the conversation early is the failure of the apps that were
    /// not answered until then. A node whose installed `viridian-node` cannot answer for many apps is asked for each one by itself.
    package func read<Value: Sendable>(
        _ apps: [Upstream],
        on node: Node,
        convert: @escaping @Sendable (Upstream, NodeReadResult) -> Value
    ) async -> [Value] {
        guard !apps.isEmpty else { return [] }
        let limit = timeout + Self.timePerApp * apps.count
        let output = ReadingsOutput(node: node, apps: apps, convert: convert)
        do {
            let text = apps.map { $0.readingLine(for: node) + "\n" }.joined()
            let termination = try await run(
                "readall", arguments: [], payload: .texts([NodePayload.Text("apps", Array(text.utf8))]), on: node,
                limit: limit
            ) { await output.take($0) }
            if await output.isUnsupported {
                var values: [Value] = []
                for app in apps { values.append(convert(app, await read(app, on: [node])[0])) }
                return values
            }
            return await output.finish(termination, limit: limit, clocks)
        } catch let failure as NodeFailure {
            return await output.finish(failure.reason)
        } catch {
            return await output.finish(.unreachable(why: "\(error)"))
        }
    }

    /// What a node may take for each app beyond the time of one conversation. It usually takes less than a millisecond.
    private static let timePerApp = Duration.milliseconds(20)
}

extension Upstream {
    /// The app's line of a `readall` request.
    func readingLine(for node: Node) -> String {
        guard let assets else { return app }
        return "\(app) \(ports.blue) \(ports.green) \(assets.replacing("{node}", with: node.address))"
    }
}
