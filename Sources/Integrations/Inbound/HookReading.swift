/// What a delivery says.
package struct HookReading: Sendable, Hashable {
    /// The sender's own id, the same whenever it sends this delivery again; `nil` where it has none (Quay).
    package var key: String?
    /// For lists of deliveries: `push`, `pipeline`, `package`, `workflow_run`, `deployment`, `ping`, `unknown: FOO`.
    package var kind: String
    /// What may concern an app. Names in it are valid.
    package var events: [HookEvent]
    /// A sentence for each part that concerns no app: `a pull of blog, not a push`. Without control characters.
    package var ignored: [String]

    package init(key: String?, kind: String, events: [HookEvent] = [], ignored: [String] = []) {
        self.key = key
        self.kind = kind
        self.events = events
        self.ignored = ignored
    }
}

extension HookReading {
    /// A delivery may have thousands of parts; a person reads a few.
    static let mostSentences = 20

    /// Adds the event, or the sentence that says why there is none.
    mutating func add(_ event: () throws(Ignored) -> HookEvent) {
        do {
            events.append(try event())
        } catch {
            ignore(error.sentence)
        }
    }

    mutating func ignore(_ sentence: String) {
        guard ignored.count <= Self.mostSentences else { return }
        ignored.append(ignored.count < Self.mostSentences ? sentence : "and more of that kind")
    }
}

/// Why a part of a delivery concerns no app.
struct Ignored: Error {
    var sentence: String

    init(_ sentence: String) {
        self.sentence = sentence
    }
}

/// Whether a request comes from the sender that shares the secret.
package enum HookVerdict: Sendable, Hashable {
    case verified
    /// A sentence for whoever sets the hook up, without a secret.
    case refused(String)
}

/// A request that is not in the sender's format.
package struct MalformedHook: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was expected and what is there, in one sentence without control characters.
    package var message: String

    package init(_ message: String) {
        self.message = message
    }

    package var description: String { message }
}
