import Controller

/// The result of one check.
struct Finding: Encodable, Sendable {
    enum State: String, Encodable {
        case ok
        case warning
        case bad
    }

    var state: State
    /// The cluster that it is about, where that has a name.
    var cluster: String?
    var app: String?
    var node: String?
    var what: String
    var fix: String?
    /// The apps that it is about where it is the same for several: people read it once, programs get an object an app.
    var apps: [String] = []

    private enum CodingKeys: CodingKey { case state, cluster, app, node, what, fix }
}

extension Finding {
    /// What is the same for these apps.
    init(_ state: State, of apps: [String], node: String? = nil, _ what: String, fix: String? = nil) {
        self.init(
            state: state, app: apps.count == 1 ? apps[0] : nil, node: node, what: what, fix: fix,
            apps: apps.count > 1 ? apps : [])
    }

    func line(_ terminal: Terminal) -> TerminalLine {
        let mark =
            switch state {
            case .ok: terminal.styled("ok     ", .green)
            case .warning: terminal.styled("warning", .yellow)
            case .bad: terminal.styled("bad    ", .red)
            }
        let place = [cluster, app, node].compactMap { $0 }.joined(separator: " ")
        return mark
            + "  \(place.isEmpty ? "" : place + ": ")\(what)\(concerned)\(fix.map { ". To fix: \($0)" } ?? "")"
    }

    /// ` (apps: blog, shop, docs, wiki and 3 more)`
    private var concerned: String {
        guard !apps.isEmpty else { return "" }
        let most = 4
        let others = apps.count > most ? " and \(apps.count - most) more" : ""
        return " (apps: \(apps.prefix(most).joined(separator: ", "))\(others))"
    }

    func jsonLines() throws -> [String] {
        guard !apps.isEmpty else { return [try jsonLine()] }
        return try apps.map { app in
            var finding = self
            finding.app = app
            return try finding.jsonLine()
        }
    }
}
