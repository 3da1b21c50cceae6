import Nginx
import Processes

/// What a node said of one app in a conversation about many.
struct AppFacts: Sendable {
    /// Those of the app, and of nginx at that moment.
    var app: Facts
    /// Those that came first, which are the same for every app.
    var node: Facts

    /// All of them. The app's count where it has one of the same name; of messages its own are the first.
    var all: Facts {
        var all = node
        for (key, values) in app.values {
            all.values[key] = key == "said" ? values + node.all(key) : node.all(key) + values
        }
        return all
    }
}

/// Collects the answers of a conversation about many apps. Each app's facts are converted when the next app's begin, so that those of many
/// apps are not held at once.
actor AppFactsOutput<Value: Sendable> {
    /// Enough for an upstream file of one megabyte; further lines of the app are ignored.
    private static var factLimit: Int { 20_000 }
    /// A node is not trusted: more lines of those that concern the whole request are ignored.
    private static var requestFactLimit: Int { 100 }

    private let action: String
    private let node: Node
    private let apps: [Upstream]
    private let convert: @Sendable (Upstream, Result<AppFacts, NodeFailure>) -> Value
    /// Where in `apps` each one is.
    private let places: [String: Int]
    private var values: [Value?]
    /// The facts of the node, and those of nginx that count for the apps that follow.
    private var conversation = ConversationFacts()
    private var group: [String: [String]] = [:]
    /// The app whose facts are coming: its place, which is `nil` for an app that was not asked for.
    private var app: (place: Int?, facts: [String: [String]])?
    private var hasGroup = false
    private var count = 0
    private var factsOfRequest = 0

    init(
        _ action: String, node: Node, apps: [Upstream],
        convert: @escaping @Sendable (Upstream, Result<AppFacts, NodeFailure>) -> Value
    ) {
        self.action = action
        self.node = node
        self.apps = apps
        self.convert = convert
        places = Dictionary(apps.enumerated().map { ($1.app, $0) }, uniquingKeysWith: { first, _ in first })
        values = Array(repeating: nil, count: apps.count)
    }

    func take(_ line: OutputLine) {
        guard let (key, value) = conversation.fact(in: line) else { return }
        switch key {
        case "group":
            endApp()
            (group, hasGroup, count) = ([:], true, 0)
        case "app":
            endApp()
            (app, count) = ((places[value], [:]), 0)
        case "viridian-node", "clock", "misused", "truncated", "done":
            guard factsOfRequest < Self.requestFactLimit else { return }
            factsOfRequest += 1
            conversation.take(key, value)
        default:
            guard count < Self.factLimit else { return }
            count += 1
            if app != nil {
                app?.facts[key, default: []].append(value)
            } else if hasGroup {
                group[key, default: []].append(value)
            } else {
                // It concerns the whole request: what is so on the node, or why it was refused.
                conversation.take(key, value)
            }
        }
    }

    /// Whether the node has a script that answers for one app at a time only: it misses the app's name.
    var isUnsupported: Bool { conversation.facts["misused"] == "app=" || conversation.facts["misused"] == action }

    /// The values of all apps, once the conversation has ended.
    func finish(_ termination: Termination, limit: Duration, _ clocks: NodeClocks) async -> [Value] {
        let facts = conversation.facts
        if let clock = facts.clock { await clocks.store(clock, of: node) }
        let problem = facts.problem(of: action, termination, limit: limit) ?? facts.refusal(token: 0)
        // The last app's facts may be incomplete.
        if problem == nil { endApp() }
        return finish(problem ?? .invalidOutput(problem: "it did not answer for every app"))
    }

    /// The values; `reason` is the failure of the apps that were not answered.
    func finish(_ reason: NodeFailure.Reason) -> [Value] {
        apps.indices.map { place in
            values[place] ?? convert(apps[place], .failure(NodeFailure(node, reason)))
        }
    }

    private func endApp() {
        guard let app else { return }
        self.app = nil
        guard let place = app.place, values[place] == nil else { return }
        let facts = Facts(values: app.facts.merging(group) { own, _ in own }, errors: [], clock: nil)
        values[place] = convert(
            apps[place],
            facts.refusal(token: 0).map { .failure(NodeFailure(node, $0)) }
                ?? .success(AppFacts(app: facts, node: conversation.facts)))
    }
}
