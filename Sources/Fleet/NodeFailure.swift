/// What a node could not do, with what a person needs to mend it.
package struct NodeFailure: Error, Sendable, Hashable {
    package enum Reason: Error, Sendable, Hashable {
        /// No conversation came about.
        case unreachable(why: String)
        /// It did not answer to the end within this time.
        case timedOut(after: Duration)
        /// Its answer broke off: what it did is not known until it is read.
        case cutOff(words: [String])
        /// No nginx master process runs.
        case notRunning
        /// nginx does not accept the configuration, or the reload; the file is as it was.
        case refused(by: Refusal, words: [String], putBack: Bool)
        /// A release with a higher number has been here.
        case fenced(by: Int, token: Int)
        /// nginx's configuration does not include the app's file, so that no switch would move anything.
        case notIncluded(file: String)
        /// Lines of nginx's configuration name a colour's port themselves: they would not follow a switch.
        case direct([PortMention], upstream: String)
        /// The order reached the node after the one who gave it had stopped waiting.
        case expired
        /// The script is installed on the node and does not do this for the key that asks.
        case forbidden(what: String)
        /// The artifact was not fetched, or is not what it should be; what was there before is there still.
        case artifact(words: [String])
        /// `current` could not be pointed at the assets of the colour; the file is as it was.
        case assets(why: String, putBack: Bool)
        /// Another conversation holds the node's lock.
        case busy
        /// After the reload, nginx did not show that only new workers accept connections.
        case unverified(seen: String, words: [String], putBack: Bool)
        case unparsable(file: String, line: Int?, problem: String)
        case unreadable(file: String, why: String)
        /// The file was edited by others each time before the switch could be made.
        case keepsChanging(file: String)
        case unwritable(why: String)
        /// The candidate did not answer on its NodePort from this node.
        case noAnswer(port: Int, words: [String])
        case postDeploy(status: Int, lastWords: [String])
        /// A program that the script needs is not installed.
        case missing(program: String)
        /// The answer makes no sense: another script, another version.
        case notUnderstood(what: String)
    }

    package enum Refusal: String, Sendable, Hashable {
        /// `nginx -t` failed.
        case test
        /// The reload command failed.
        case reload
        /// The command succeeded, and nginx's master process then refused: its error log says so.
        case master
        /// nginx loaded the file, and did not serve visitors from the new colour.
        case visitors
        /// nginx does not get an answer from the candidate at its preview host. Nothing was switched.
        case preview
    }

    package var node: Node
    package var reason: Reason

    package init(_ node: Node, _ reason: Reason) {
        self.node = node
        self.reason = reason
    }

    /// Nothing is known of the node: it may still route as it did before, or as it was told to.
    package var isUnreachable: Bool {
        switch reason {
        case .unreachable, .timedOut, .cutOff: true
        default: false
        }
    }
}

extension NodeFailure: CustomStringConvertible {
    package var description: String { "\(node): \(reason)" }
}

extension NodeFailure.Reason: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreachable(let why):
            "cannot be reached: \(why)"
        case .timedOut(let limit):
            "did not answer within \(limit.formatted); what it routes to is not known until it answers again"
        case .cutOff(let words):
            "broke off in the middle of its answer" + Self.quoted(words) + "; read it again to see what was done"
        case .notRunning:
            "nginx is not running there: start it (and set nodes.pid if its pid file is in an unusual place)"
        case .refused(let refusal, let words, let putBack):
            refusal.description + Self.quoted(words) + Self.back(putBack)
        case .fenced(let other, let token):
            "refused number \(token), since number \(other) has been there: a newer release has taken over"
        case .notIncluded(let file):
            "nginx's configuration does not include \(file): include <backends>/*.conf in its http block"
        case .direct(let mentions, let upstream):
            "nginx's configuration names a port of the app in other places than \(upstream), which would not follow the switch: "
                + mentions.map(\.description).joined(separator: " | ")
                + ". To fix: let them use upstream \(upstream), or name the file in allowDirect of the app's file"
        case .expired:
            "the order arrived after its time, so that nothing was changed: the connection or the node had been standing still"
        case .forbidden(let what):
            "its viridian-node refused: \(what); bring the file and Viridian's configuration together (viridian render sudoers)"
        case .artifact(let words):
            "the artifact is not in place, and nothing was changed" + Self.quoted(words)
        case .assets(let why, let putBack):
            "static assets could not be switched: \(why)" + Self.back(putBack)
        case .busy:
            "another release is at work there; try again when it is done"
        case .unverified(let seen, let words, let putBack):
            "nginx did not show that it has loaded the file: \(seen)" + Self.quoted(words) + Self.back(putBack)
        case .unparsable(let file, let line, let problem):
            line == nil ? "\(file): \(problem)" : "\(file), \(problem)"
        case .unreadable(let file, let why):
            "\(file) cannot be read: \(why)"
        case .keepsChanging(let file):
            "\(file) is being edited by someone else at this moment; try again when they are done"
        case .unwritable(let why):
            "nothing can be written there: \(why)"
        case .noAnswer(let port, let words):
            "the candidate does not answer on 127.0.0.1:\(port)" + Self.quoted(words)
        case .postDeploy(let status, let words):
            "the post-deploy command "
                + (status == 124 ? "took too long and was ended" : "ended with status \(status)") + Self.quoted(words)
        case .missing(let program):
            "\(program) is not installed there; install it"
        case .notUnderstood(let what):
            "answered with something that is not understood: \(what)"
        }
    }

    private static func quoted(_ words: [String]) -> String {
        words.isEmpty ? "" : ": " + words.joined(separator: " | ")
    }

    private static func back(_ putBack: Bool) -> String {
        putBack ? "; the file is as it was" : ""
    }
}

extension NodeFailure.Refusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .test: "nginx does not accept its configuration"
        case .reload: "nginx could not be reloaded"
        case .master: "nginx refused to load its configuration"
        case .visitors: "nginx loaded the file, and does not serve visitors from the candidate"
        case .preview: "nginx gets no answer from the candidate at its preview host"
        }
    }
}

extension Duration {
    /// `10 s`, `0.5 s`.
    var formatted: String {
        let (seconds, attoseconds) = components
        let tenths = attoseconds / 100_000_000_000_000_000
        return tenths == 0 ? "\(seconds) s" : "\(seconds).\(tenths) s"
    }
}
