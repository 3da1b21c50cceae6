import Foundation

/// A workspace of Slack with one app: its Web API (https://docs.slack.dev/apis/web-api), the addresses for answers to
/// interactions, and people who press buttons and type commands. It refuses what Slack refuses.
///
/// `FakeSlack.with { slack in … }` runs one on a free loopback port.
package actor FakeSlack {
    /// What the app is installed with.
    package struct App: Sendable {
        package var id = "A0123APP4"
        package var team = "T0123ABCD"
        package var token = "xoxb-0123456789-secret"
        package var appToken = "xapp-1-A0123APP4-0123456789-secret"
        package var signingSecret = "8f742231b10e8888abcd99yyyzzz85a5"
        package var command = "/deploy"
        package var scopes = [
            "chat:write", "chat:write.public", "commands", "users:read", "users:read.email",
        ]

        package init() {}
    }

    package nonisolated let app: App
    /// Slack's connection to the world.
    package nonisolated let line = Line()
    package private(set) var channels = [
        Channel(id: "C024BE91L", name: "deploys"), Channel(id: "C0OTHER11", name: "general", hasApp: false),
        Channel(id: "C0SECRET1", name: "board", isPrivate: true, hasApp: false),
        Channel(id: "C0ARCHIV1", name: "history", isArchived: true),
    ]
    package private(set) var people: [Person] = [.mike, .ann, .bob, .eve, .outsider]
    /// All messages, in the order in which they were posted.
    package internal(set) var messages: [Message] = []
    /// What a program should not do, although Slack may take it: refused calls except those that a fault caused, messages
    /// without `text`, block ids used again, lines of a thread that is not there.
    package internal(set) var mistakes: [String] = []
    /// The calls that Slack read: `chat.postMessage`, in order.
    package internal(set) var calls: [(method: String, at: Date, refusal: String?)] = []
    /// Slack knows the blocks `plan` and `task_card`.
    package var knowsPlans = true
    /// Where Socket Mode's connections are opened; `nil`: `apps.connections.open` answers `internal_error`.
    package var socketURL: (@Sendable () async -> String)?

    private let now: @Sendable () -> Date
    var baseURL = "http://127.0.0.1"
    var scopes: [String]
    var meter = SlackRateMeter()
    var faults: [(fault: Fault, method: String?, left: Int?)] = []
    var slowAnswers: [Task<Void, Never>] = []
    /// The timestamps of messages, by channel and `client_msg_id`.
    var posted: [String: String] = [:]
    /// A call that is repeated with the same `client_msg_id` is answered with the message that the first one made. Slack's pages
    /// tell of it only among the errors.
    var knowsKeys = true
    private var lastTimestamp = 0
    var responses: [String: ResponseAddress] = [:]
    private var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    private var waitingCount = 0

    package init(_ app: App = App(), now: @escaping @Sendable () -> Date = { Date() }) {
        self.app = app
        self.now = now
        scopes = app.scopes
    }

    var time: Date { now() }

    // MARK: - What a test sets

    package func add(_ channel: Channel) {
        channels.append(channel)
    }

    /// The app is invited to a channel, or removed from it; a channel is archived, or brought back.
    package func change(_ channel: String, _ change: (inout Channel) -> Void) {
        for index in channels.indices where [channels[index].id, channels[index].name].contains(channel) {
            change(&channels[index])
        }
    }

    package func setScopes(_ scopes: [String]) { self.scopes = scopes }
    package func setKnowsKeys(_ knows: Bool) { knowsKeys = knows }
    package func setKnowsPlans(_ knows: Bool) { knowsPlans = knows }
    package func setRates(_ rates: Rates) {
        meter = SlackRateMeter()
        meter.rates = rates
    }
    package func setSocketURL(_ url: @escaping @Sendable () async -> String) { socketURL = url }

    /// What is to happen to calls of a method, or of all; to so many of them, or until `calm()`.
    package func happen(_ fault: Fault, to method: String? = nil, times: Int? = nil) {
        faults.append((fault, method, times))
    }

    /// Ends all faults, and answers what waits.
    package func calm() {
        faults = []
        for answer in slowAnswers { answer.cancel() }
        slowAnswers = []
    }

    /// A message disappears, as when somebody deletes it.
    package func delete(_ message: Message) {
        messages.removeAll { $0.channel == message.channel && $0.timestamp == message.timestamp }
        announce()
    }

    /// A message of another app.
    @discardableResult
    package func postByAnotherApp(_ text: String, in channel: String) -> Message {
        let message = Message(
            channel: channel, timestamp: nextTimestamp(), app: "A0OTHER99",
            versions: [Version(at: time, text: text, shown: text)])
        messages.append(message)
        announce()
        return message
    }

    // MARK: - What a test sees

    /// What everybody sees in a channel outside of threads, the oldest first.
    package func messages(in channel: String) -> [Message] {
        let id = channels.first { $0.name == channel || $0.id == channel }?.id
        return messages.filter { $0.channel == id && $0.onlyFor == nil && ($0.thread == nil || $0.isBroadcast) }
    }

    /// The lines of a message's thread.
    package func thread(of message: Message) -> [Message] {
        messages.filter { $0.channel == message.channel && $0.thread == message.timestamp && $0.onlyFor == nil }
    }

    /// What only this person was shown.
    package func told(_ person: Person) -> [Message] { messages.filter { $0.onlyFor?.id == person.id } }

    /// A message as it is now.
    package func current(_ message: Message) -> Message? {
        messages.first { $0.channel == message.channel && $0.timestamp == message.timestamp }
    }

    package struct DidNotHappen: Error, CustomStringConvertible {
        package var description: String
    }

    /// Waits until something is so, and returns it; looks again after each change.
    package func wait<Value: Sendable>(
        _ limit: Duration = .seconds(600), for what: String, _ value: @Sendable (isolated FakeSlack) -> Value?
    ) async throws -> Value {
        let end = ContinuousClock.now + limit
        while true {
            if let value = value(self) { return value }
            guard ContinuousClock.now < end else {
                let all = messages.map(\.description).joined(separator: "\n")
                throw DidNotHappen(description: "\(what) did not happen within \(limit):\n\(all)\n\(mistakes)")
            }
            await nextChange(before: end)
        }
    }

    /// Waits for a message in a channel, outside of threads, that is as wanted.
    package func message(
        in channel: String = "deploys", _ limit: Duration = .seconds(600),
        where isWanted: @escaping @Sendable (Message) -> Bool
    ) async throws -> Message {
        try await wait(limit, for: "a message in \(channel)") { $0.messages(in: channel).last(where: isWanted) }
    }

    /// Waits until a message is as wanted.
    package func edit(
        of message: Message, _ limit: Duration = .seconds(600), where isWanted: @escaping @Sendable (Message) -> Bool
    ) async throws -> Message {
        try await wait(limit, for: "an edit of \(message)") { slack in
            slack.current(message).flatMap { isWanted($0) ? $0 : nil }
        }
    }

    /// Waits for something that only this person sees.
    package func told(
        _ person: Person, _ limit: Duration = .seconds(600), where isWanted: @escaping @Sendable (Message) -> Bool
    ) async throws -> Message {
        try await wait(limit, for: "a message for \(person.name)") { $0.told(person).last(where: isWanted) }
    }

    private func nextChange(before end: ContinuousClock.Instant) async {
        waitingCount += 1
        let number = waitingCount
        let limit = Task {
            try? await Task.sleep(until: end, clock: .continuous)
            resume(number)
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiting[number] = $0 }
        } onCancel: {
            limit.cancel()
        }
        limit.cancel()
    }

    private func resume(_ number: Int) { waiting.removeValue(forKey: number)?.resume() }

    func announce() {
        for continuation in waiting.values { continuation.resume() }
        waiting = [:]
    }

    // MARK: - For the extensions

    func nextTimestamp() -> String {
        lastTimestamp = max(lastTimestamp + 1, Int(time.timeIntervalSince1970 * 1_000_000))
        let fraction = String(lastTimestamp % 1_000_000)
        return "\(lastTimestamp / 1_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
    }

    func append(_ message: Message) {
        messages.append(message)
        announce()
    }

    func replace(_ message: Message, by version: Version) {
        for index in messages.indices
        where messages[index].channel == message.channel && messages[index].timestamp == message.timestamp {
            messages[index].versions.append(version)
        }
        announce()
    }

    func note(mistake: String) {
        mistakes.append(mistake)
        announce()
    }
}
