import Nginx
import Processes

/// The facts of one conversation, gathered as they come.
actor Answer {
    /// As much as an upstream file of a megabyte needs; a node that says more is not heard.
    private static let mostLines = 20_000
    /// The longest line of a post-deploy command that is passed on, in characters.
    private static let longestLine = 2000

    private var facts: [String: [String]] = [:]
    private var count = 0
    private var began = false
    private var clock: NodeClock?
    private var errors: [String] = []

    /// Takes a line. What comes before the script's first fact was printed by the login, not by the script.
    /// - Returns: A line of the operator's own command, to be passed on.
    func take(_ line: OutputLine) -> String? {
        guard line.stream == .output else {
            if !SudoWords.isWarning(line.text) { errors = (errors + [line.text]).suffix(5) }
            return nil
        }
        guard let separator = line.text.firstIndex(of: "=") else { return nil }
        let key = String(line.text[..<separator])
        let value = String(line.text[line.text.index(after: separator)...])
        if key == "viridian-node" { began = true }
        guard began else { return nil }
        if key == "out" {
            let value = value.count > Self.longestLine ? String(value.prefix(Self.longestLine)) + "…" : value
            facts["out"] = (facts["out", default: []] + [value]).suffix(5)
            return value
        }
        if key == "clock", let reading = NodeClock(value, at: .now) { clock = reading }
        guard count < Self.mostLines else { return nil }
        count += 1
        facts[key, default: []].append(value)
        return nil
    }

    var collected: Facts { Facts(values: facts, errors: errors, clock: clock) }
}

/// The facts of a conversation that has ended.
struct Facts: Sendable {
    var values: [String: [String]]
    /// The last lines of standard error.
    var errors: [String]
    /// The node's clock as it was read for this answer.
    var clock: NodeClock?

    subscript(_ key: String) -> String? { values[key]?.last }

    func all(_ key: String) -> [String] { values[key] ?? [] }

    /// nginx's words.
    var said: [String] { all("said").filter { !$0.isEmpty }.suffix(12) }

    func numbers(_ key: String) -> [Int] {
        (self[key] ?? "").split(separator: " ").compactMap { Int(saidByNode: $0.prefix { $0 != ":" }) }
    }

    /// `nil` where the node says none, or something else than a number (`Int.init(saidByNode:)`).
    func number(_ key: String) -> Int? { self[key].flatMap { Int(saidByNode: $0) } }

    /// Of something that is counted and may be added up.
    func count(_ key: String) -> Int? { self[key].flatMap { Int(counted: $0) } }

    /// Nothing, if the script ran to its end; else what is wrong with it as a conversation.
    func problem(of action: String, _ termination: Termination, limit: Duration) -> NodeFailure.Reason? {
        if let version = self["viridian-node"], version != "\(NodeScript.version)" {
            return .notUnderstood(
                what: "its viridian-node is version \(version), and this program speaks \(NodeScript.version): "
                    + "install what `viridian render viridian-node` prints")
        }
        if let misused = self["misused"] { return .notUnderstood(what: "its node script does not know \"\(misused)\"") }
        if self["done"] == action { return self["truncated"] == nil ? nil : .cutOff(words: []) }
        if termination == .deadlineExceeded { return .timedOut(after: limit) }
        if self["viridian-node"] == nil {
            if errors.contains(where: SudoWords.demandsTerminal) {
                return .unreachable(why: SudoWords.needsTerminal(user: nil))
            }
            return .unreachable(why: errors.isEmpty ? "the node script did not start" : errors.joined(separator: " | "))
        }
        return .cutOff(words: errors)
    }

    /// What kept an action from beginning, whichever it is.
    func obstacle(token: Int) -> NodeFailure.Reason? {
        if let program = self["missing"] { return .missing(program: program) }
        if let why = self["unwritable"] { return .unwritable(why: why) }
        if self["busy"] != nil { return .busy }
        if let what = self["forbidden"] { return .forbidden(what: what) }
        if self["expired"] == "late", self["putback"] != "no" { return .expired }
        guard let fenced = self["fenced"] else { return nil }
        guard let other = Int(saidByNode: fenced) else {
            return .notUnderstood(
                what:
                    "it says that the release with the number \(fenced.prefix(30)) has been there, and no release has such a "
                    + "number; remove the app's .token file in .viridian, beside its upstream file")
        }
        return .fenced(by: other, token: token)
    }

    /// The file's bytes, and `nil` when there is none.
    func file(of upstream: Upstream) throws(NodeFailure.Reason) -> UpstreamFile? {
        let path = self["path"] ?? upstream.app
        switch self["file"] {
        case "missing": return nil
        case "present":
            guard let bytes = bytes("text") else { throw .notUnderstood(what: "the text of \(path)") }
            return try parsed(bytes, path: path)
        default: throw .unreadable(file: path, why: said.first ?? "for no known reason")
        }
    }

    private func parsed(_ bytes: [UInt8], path: String) throws(NodeFailure.Reason) -> UpstreamFile {
        do {
            return try UpstreamFile(parsing: bytes)
        } catch {
            throw .unparsable(file: path, line: error.line, problem: error.description)
        }
    }

    func report(of upstream: Upstream) throws(NodeFailure.Reason) -> NodeReport {
        let path = self["path"] ?? upstream.app
        var state = NodeReport.File.missing
        if let file = try file(of: upstream) {
            state = .present(file, routing: try routing(in: file, of: upstream, path: path))
        }
        let loaded = self["loaded"].flatMap(NodeReport.Loaded.init) ?? .unknown
        var serving: Routing?
        if loaded == .yes, case .present(_, let routing) = state {
            serving = routing
        } else if let bytes = bytes("loaded_text"), !bytes.isEmpty {
            serving = try? UpstreamFile(parsing: bytes).routing(of: upstream.name, ports: upstream.ports)
        }
        return NodeReport(
            path: path,
            file: state,
            loaded: loaded,
            because: self["because"] ?? "",
            serving: serving,
            token: number("token") ?? 0,
            master: number("master"),
            workers: numbers("workers"),
            draining: numbers("draining"),
            assets: assets
        )
    }

    /// A text: lines of printable characters as they are, anything else in base64.
    private func bytes(_ key: String) -> [UInt8]? {
        let coded = all(key + "_base64")
        if !coded.isEmpty { return NodeScript.bytes(base64: coded) }
        let lines = all(key)
        guard !lines.isEmpty else { return [] }
        return Array((lines.joined(separator: "\n") + (self[key + "_ends"] == nil ? "\n" : "")).utf8)
    }

    var assets: NodeReport.Assets? {
        guard let current = self["assets"] else { return nil }
        var wanted: [Int: String] = [:]
        for entry in all("assets_of") {
            let words = entry.split(separator: " ", maxSplits: 1)
            if words.count == 2, let port = Int(saidByNode: words[0]) { wanted[port] = String(words[1]) }
        }
        return NodeReport.Assets(current: current == "none" ? nil : current, wanted: wanted)
    }

    func routing(in file: UpstreamFile, of upstream: Upstream, path: String) throws(NodeFailure.Reason) -> Routing {
        do {
            return try file.routing(of: upstream.name, ports: upstream.ports)
        } catch {
            throw .unparsable(file: path, line: error.line, problem: error.description)
        }
    }
}
