import ReleaseMachine

/// The nodes that run nginx. One value serves one app.
package protocol Nodes: Sendable {
    /// The addresses in the inventory now.
    func list() async throws -> [String]
    /// What each of `addresses` routes to, in their order. With a fence, the nodes refuse requests with an older one from here on.
    func read(_ addresses: [String], claiming fence: Fence?) async -> [NodeReading]
    /// The highest release number of the app that a node has seen; 0 when none has seen one.
    func lastRelease() async throws -> Int
    /// Does the part of staging that needs no pod. Throws `NodeProblem`.
    func prepare(_ node: String, _ order: Order, _ survey: Survey) async throws
    /// Does everything on the node that the switch needs and that no request can notice. Throws `NodeProblem`. Idempotent.
    func stage(_ node: String, _ order: Order, _ survey: Survey, log: @escaping @Sendable (LogMessage) async -> Void)
        async throws
    /// Returns only when the node was read back as routing to `color`; throws `NodeProblem` otherwise.
    func route(_ node: String, to color: Color, fence: Fence) async throws
    /// Routes the node to the candidate, as `route`, and verifies that nginx on the node serves visitors from there. Where it does not,
    /// switches the node back and throws `NodeProblem`.
    /// - Returns: the evidence, where the backend has any.
    func moveVisitors(_ node: String, _ order: Order, _ survey: Survey) async throws -> VisitorEvidence?
    /// Stages the live version on a node that missed releases, then routes the node to it.
    func stageAndRoute(_ node: String, to live: LiveVersion, fence: Fence) async throws
    /// What is still open to the colour on a node: connections, and nginx workers of the old configuration.
    func openConnections(_ node: String, to color: Color) async throws -> DrainEvidence.Open
}

extension Nodes {
    package func lastRelease() async throws -> Int { 0 }

    package func prepare(_ node: String, _ order: Order, _ survey: Survey) async throws {}

    package func moveVisitors(_ node: String, _ order: Order, _ survey: Survey) async throws -> VisitorEvidence? {
        try await route(node, to: survey.candidate, fence: Fence(release: order.number, isBack: false))
        return nil
    }

    package func stageAndRoute(_ node: String, to live: LiveVersion, fence: Fence) async throws {
        try await route(node, to: live.color, fence: fence)
    }
}

/// A fencing token: a node refuses a request whose fence is lower than one that it has seen.
package struct Fence: Sendable, Hashable {
    package var release: Int
    /// The way back of a release ranks above its way forward.
    package var isBack: Bool

    package init(release: Int, isBack: Bool) {
        self.release = release
        self.isBack = isBack
    }
}

/// What shows that a node serves its visitors after the switch.
package struct VisitorEvidence: Sendable, Hashable {
    package var text: String
    /// A request was answered through nginx; otherwise there is only no evidence against it.
    package var isProof: Bool

    package init(_ text: String, isProof: Bool) {
        self.text = text
        self.isProof = isProof
    }
}

extension NodeProblem: Error {}
