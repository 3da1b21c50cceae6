/// Why an action on a node failed. The description says how to fix it.
package struct NodeFailure: Error, Sendable, Hashable {
    package enum Reason: Error, Sendable, Hashable {
        /// The conversation could not start.
        case unreachable(why: String)
        /// The conversation did not complete within this time.
        case timedOut(after: Duration)
        /// The output ended early: the node's state is unknown until it is read.
        case cutOff(output: [String])
        /// No nginx master process runs.
        case notRunning
        /// nginx refuses the configuration or the reload. `putBack`: the file has been restored.
        case refused(by: Refusal, output: [String], putBack: Bool)
        /// The node has seen a higher release number.
        case fenced(by: Int, token: Int)
        /// nginx's configuration does not include the app's file, so that a switch would have no effect.
        case notIncluded(file: String)
        /// Lines of nginx's configuration name a colour's port directly and would not follow a switch.
        case direct([PortMention], upstream: String)
        /// The command reached the node after its deadline.
        case expired
        /// The installed node program does not allow this command.
        case forbidden(what: String)
        /// The artifact cannot be fetched or is invalid. The existing assets are unchanged.
        case artifact(output: [String])
        /// The link `current` cannot be set to the colour's assets.
        case assets(why: String, putBack: Bool)
        /// Another conversation holds the node's lock.
        case busy
        /// After the reload, nginx did not show that only new workers accept connections.
        case unverified(evidence: String, output: [String], putBack: Bool)
        case unparsable(file: String, line: Int?, problem: String)
        case unreadable(file: String, why: String)
        /// The file was edited in each attempt to switch.
        case keepsChanging(file: String)
        case unwritable(why: String)
        /// The candidate did not answer on its NodePort from this node.
        case noAnswer(port: Int, output: [String])
        case postDeploy(status: Int, output: [String])
        /// A program that the script needs is not installed.
        case missing(program: String)
        /// The output is invalid: another script or version.
        case invalidOutput(problem: String)
    }

    package enum Refusal: String, Sendable, Hashable {
        /// `nginx -t` failed.
        case test
        /// The reload command failed.
        case reload
        /// The reload command succeeded, but nginx's master process refused, according to its error log.
        case master
        /// nginx loaded the file but does not serve visitors from the new colour.
        case visitors
        /// nginx gets no response from the candidate at its preview host. Nothing was switched.
        case preview
    }

    package var node: Node
    package var reason: Reason

    package init(_ node: Node, _ reason: Reason) {
        self.node = node
        self.reason = reason
    }

    /// The node's state is unknown: it may route as before, or as requested.
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
            "did not answer within \(limit.formatted); its routing is unknown until it answers"
        case .cutOff(let output):
            "its output ended early" + Self.quoted(output) + "; read the node again to see its state"
        case .notRunning:
            "nginx is not running: start it (and set nodes.pid if its pid file is in an unusual place)"
        case .refused(let refusal, let output, let putBack):
            refusal.description + Self.quoted(output) + Self.back(putBack)
        case .fenced(let other, let token):
            "refused release number \(token), as it has seen \(other): a newer release has taken over"
        case .notIncluded(let file):
            "nginx's configuration does not include \(file): include <backends>/*.conf in its http block"
        case .direct(let mentions, let upstream):
            "nginx's configuration names a port of the app outside upstream \(upstream), which would not follow the switch: "
                + mentions.map(\.description).joined(separator: " | ")
                + ". To fix: use upstream \(upstream) in these lines, or list the file in allowDirect of the app's file"
        case .expired:
            "the command arrived after its deadline and nothing was changed: the connection or the node was stalled"
        case .forbidden(let what):
            "its viridian-node refused: \(what); make its node.conf match Viridian's configuration (viridian render node.conf)"
        case .artifact(let output):
            "the artifact is not in place, and nothing was changed" + Self.quoted(output)
        case .assets(let why, let putBack):
            "static assets could not be switched: \(why)" + Self.back(putBack)
        case .busy:
            "another release is working on this node; retry when it is done"
        case .unverified(let evidence, let output, let putBack):
            "it is not verified that nginx has loaded the file: \(evidence)" + Self.quoted(output) + Self.back(putBack)
        case .unparsable(let file, let line, let problem):
            line == nil ? "\(file): \(problem)" : "\(file), \(problem)"
        case .unreadable(let file, let why):
            "\(file) cannot be read: \(why)"
        case .keepsChanging(let file):
            "\(file) keeps changing during the switch: another process edits it; retry when it is done"
        case .unwritable(let why):
            "its files cannot be written: \(why)"
        case .noAnswer(let port, let output):
            "the candidate does not answer on 127.0.0.1:\(port)" + Self.quoted(output)
        case .postDeploy(let status, let output):
            "the post-deploy command "
                + (status == 124 ? "timed out and was terminated" : "ended with status \(status)") + Self.quoted(output)
        case .missing(let program):
            "\(program) is not installed on the node; install it"
        case .invalidOutput(let problem):
            "its output is invalid: \(problem)"
        }
    }

    private static func quoted(_ output: [String]) -> String {
        output.isEmpty ? "" : ": " + output.joined(separator: " | ")
    }

    private static func back(_ putBack: Bool) -> String {
        putBack ? "; the file has been restored" : ""
    }
}

extension NodeFailure.Refusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .test: "nginx does not accept its configuration"
        case .reload: "nginx could not be reloaded"
        case .master: "nginx refused to load its configuration"
        case .visitors: "nginx loaded the file but does not serve visitors from the candidate"
        case .preview: "nginx gets no response from the candidate at its preview host"
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
