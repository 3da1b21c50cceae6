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
        let request = AppsRequest(
            action: "readall", apps: apps, lines: apps.map { $0.readingLine(for: node) }, timePerApp: Self.timePerApp)
        return await converse(request, on: node) { index in
            convert(apps[index], await read(apps[index], on: [node])[0])
        } convert: { app, answer in
            convert(app, NodeReadResult(node: node, outcome: answer.flatMap { $0.app.outcome(of: app, on: node) }))
        }
    }

    /// It usually takes less than a millisecond.
    private static let timePerApp = Duration.milliseconds(20)
}

extension Facts {
    /// What they say of an app's file.
    func outcome(of app: Upstream, on node: Node) -> Result<NodeReport, NodeFailure> {
        do throws(NodeFailure.Reason) {
            return .success(try report(of: app))
        } catch {
            return .failure(NodeFailure(node, error))
        }
    }
}

extension Upstream {
    /// The app's line of a `readall` request.
    fileprivate func readingLine(for node: Node) -> String {
        assets == nil ? app : lineWithPorts(for: node)
    }

    /// The app with its ports and its directory of static assets, as the lines of requests about many apps begin.
    func lineWithPorts(for node: Node) -> String {
        "\(app) \(ports.blue) \(ports.green) \(assets?.replacing("{node}", with: node.address) ?? "")"
    }
}
