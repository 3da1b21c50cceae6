import Foundation

extension FakeSlack {
    /// Slack's connection to the world: it listens, or connections are refused.
    package actor Line {
        private var isWanted = true
        private var isListening = false
        private var isOver = false
        private var change = Gate()

        init() {}

        /// Connections are refused once this returns; what Slack was asked before is answered.
        package func goDown() async { await want(false) }

        package func comeBack() async { await want(true) }

        private func want(_ listening: Bool) async {
            isWanted = listening
            await turn()
            while isListening != listening, !isOver { await change.pass() }
        }

        private func turn() async {
            let last = change
            change = Gate()
            await last.open()
        }

        fileprivate func set(isListening: Bool) async {
            self.isListening = isListening
            await turn()
        }

        /// It will not listen again.
        fileprivate func end() async {
            isOver = true
            await turn()
        }

        /// - Returns: `false` when it will not listen again.
        fileprivate func wait(untilWanted listening: Bool) async -> Bool {
            while isWanted != listening, !isOver { await change.pass() }
            return !isOver
        }

        fileprivate func waitUntilListening() async {
            while !isListening, !isOver { await change.pass() }
        }
    }

    /// Runs a test beside a Slack on a loopback port. A test during which it is down names a port that nobody else takes.
    ///
    /// `url` is what `slack.api` is to be.
    package static func with<Result: Sendable>(
        _ app: App = App(), port: Int = 0, now: @escaping @Sendable () -> Date = { Date() },
        _ test: @escaping @Sendable (_ slack: FakeSlack, _ url: String) async throws -> Result
    ) async throws -> Result {
        let slack = FakeSlack(app, now: now)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await slack.listen(on: port) }
            await slack.line.waitUntilListening()
            let result: Swift.Result<Result, any Error>
            do {
                result = .success(try await test(slack, slack.baseURL + "/api"))
            } catch {
                result = .failure(error)
            }
            await slack.calm()
            await slack.line.end()
            try await group.waitForAll()
            return try result.get()
        }
    }

    private nonisolated func listen(on port: Int) async throws {
        var port = port
        do {
            while await line.wait(untilWanted: true) {
                port = try await withServer(port: port, { request, _ in await self.answer(request) }) { server in
                    await self.listens(at: server)
                    await self.line.set(isListening: true)
                    _ = await self.line.wait(untilWanted: false)
                    return server.port
                }
                await line.set(isListening: false)
            }
        } catch {
            await line.end()
            throw error
        }
    }

    private func listens(at server: ScriptedServer) { baseURL = server.url }
}
