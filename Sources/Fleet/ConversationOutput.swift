import Foundation
import Nginx
import Processes

/// Collects the facts of a conversation from its output.
actor ConversationOutput {
    /// Enough for an upstream file of one megabyte; further lines are ignored.
    private static let factLimit = 20_000
    /// The length limit of a line of a post-deploy command, in characters.
    private static let lineLengthLimit = 2000

    private var conversation = ConversationFacts()
    private var count = 0

    /// Takes a line.
    /// - Returns: A line of the operator's command, to be passed on.
    func take(_ line: OutputLine) -> String? {
        guard let (key, value) = conversation.fact(in: line) else { return nil }
        if key == "out" {
            let value = value.count > Self.lineLengthLimit ? String(value.prefix(Self.lineLengthLimit)) + "…" : value
            conversation.keepLast(5, of: key, value)
            return value
        }
        guard count < Self.factLimit else { return nil }
        count += 1
        conversation.take(key, value)
        return nil
    }

    var facts: Facts { conversation.facts }
}

/// The lines of a conversation as facts.
struct ConversationFacts {
    private(set) var facts = Facts(values: [:], errors: [], clock: nil)
    private var began = false

    /// The fact in a line; `nil` for other output. Lines before the script's first fact come from the login, not from the script.
    mutating func fact(in line: OutputLine) -> (key: String, value: String)? {
        guard line.stream == .output else {
            if !SudoMessages.isWarning(line.text) { facts.errors = (facts.errors + [line.text]).suffix(5) }
            return nil
        }
        guard let separator = line.text.firstIndex(of: "=") else { return nil }
        let key = String(line.text[..<separator])
        if key == "viridian-node" { began = true }
        guard began else { return nil }
        return (key, String(line.text[line.text.index(after: separator)...]))
    }

    mutating func take(_ key: String, _ value: String) {
        if key == "clock", let reading = NodeClock(value, at: .now) { facts.clock = reading }
        if key == "time" { facts.timeReadAt = Date() }
        facts.values[key, default: []].append(value)
    }

    mutating func keepLast(_ count: Int, of key: String, _ value: String) {
        facts.values[key] = (facts.values[key, default: []] + [value]).suffix(count)
    }
}

/// The facts of a completed conversation.
struct Facts: Sendable {
    var values: [String: [String]]
    /// The last lines of standard error.
    var errors: [String]
    /// The node's clock, as read in this conversation.
    var clock: NodeClock?
    /// When the node's wall-clock time (the fact `time`) arrived.
    var timeReadAt: Date?

    subscript(_ key: String) -> String? { values[key]?.last }

    func all(_ key: String) -> [String] { values[key] ?? [] }

    /// The messages of nginx and other programs.
    var messages: [String] { all("said").filter { !$0.isEmpty }.suffix(12) }

    func numbers(_ key: String) -> [Int] {
        (self[key] ?? "").split(separator: " ").compactMap { Int(nodeNumber: $0.prefix { $0 != ":" }) }
    }

    /// `nil` for a missing or invalid number (`Int.init(nodeNumber:)`).
    func number(_ key: String) -> Int? { self[key].flatMap { Int(nodeNumber: $0) } }

    /// A number that is small enough for sums (`Int.init(nodeCount:)`).
    func count(_ key: String) -> Int? { self[key].flatMap { Int(nodeCount: $0) } }

    /// `nil` if the script completed; else the problem of the conversation.
    func problem(of action: String, _ termination: Termination, limit: Duration) -> NodeFailure.Reason? {
        if let version = self["viridian-node"], version != "\(NodeScript.version)" {
            return .invalidOutput(
                problem: "its viridian-node has version \(version), but this program needs \(NodeScript.version): "
                    + "install what `viridian render viridian-node` prints")
        }
        if let misused = self["misused"] {
            return .invalidOutput(problem: "its node script does not support \"\(misused)\"")
        }
        if self["done"] == action { return self["truncated"] == nil ? nil : .cutOff(output: []) }
        if termination == .deadlineExceeded { return .timedOut(after: limit) }
        if self["viridian-node"] == nil {
            if errors.contains(where: SudoMessages.demandsTerminal) {
                return .unreachable(why: SudoMessages.needsTerminal(user: nil))
            }
            return .unreachable(why: errors.isEmpty ? "the node script did not start" : errors.joined(separator: " | "))
        }
        return .cutOff(output: errors)
    }

    /// Why the node did not start an action.
    func refusal(token: Int) -> NodeFailure.Reason? {
        if let program = self["missing"] { return .missing(program: program) }
        if let why = self["unwritable"] { return .unwritable(why: why) }
        if self["busy"] != nil { return .busy }
        if let what = self["forbidden"] { return .forbidden(what: what) }
        if self["expired"] == "late", self["putback"] != "no" { return .expired }
        guard let fenced = self["fenced"] else { return nil }
        guard let other = Int(nodeNumber: fenced) else {
            return .invalidOutput(
                problem:
                    "the number \(fenced.prefix(30)) in the app's .token file is not a release number; "
                    + "remove that file (in .viridian, beside the upstream file)")
        }
        return .fenced(by: other, token: token)
    }

    /// The upstream file; `nil` when there is none.
    func file(of upstream: Upstream) throws(NodeFailure.Reason) -> UpstreamFile? {
        let path = self["path"] ?? upstream.app
        switch self["file"] {
        case "missing": return nil
        case "present":
            guard let bytes = bytes("text") else { throw .invalidOutput(problem: "the text of \(path)") }
            return try parsed(bytes, path: path)
        default: throw .unreadable(file: path, why: messages.first ?? "unknown reason")
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
            loadedReason: self["because"] ?? "",
            serving: serving,
            token: number("token") ?? 0,
            master: number("master"),
            workers: numbers("workers"),
            draining: numbers("draining"),
            assets: assets
        )
    }

    /// A text, sent as lines if it is printable, else in base64.
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
            let parts = entry.split(separator: " ", maxSplits: 1)
            if parts.count == 2, let port = Int(nodeNumber: parts[0]) { wanted[port] = String(parts[1]) }
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
