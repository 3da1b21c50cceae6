import Foundation
import ViridianConfiguration

/// The commands that come after `init` and `app add`, to copy.
struct NextCommands: Sendable {
    /// `viridian.yaml` as the person named it.
    var file: String
    /// `nil` for all apps.
    var app: String?
    /// nginx runs on this machine.
    var isLocal: Bool

    var lines: [String] {
        let config = isFoundWithoutOption ? "" : " --config \(ShellWord.quoted(file))"
        let app = app.map { " \($0)" } ?? ""
        let root = isLocal ? ("sudo ", "/") : ("", "nodes")
        return [
            "viridian render kubernetes\(app)\(config) | kubectl apply -f -",
            "\(root.0)viridian render nginx\(app)\(config) --into \(root.1)",
            "viridian check\(config)",
        ]
    }

    /// Whether commands that are run here read this file.
    private var isFoundWithoutOption: Bool {
        guard let found = try? ConfigurationFile.locate(explicit: nil) else { return false }
        func real(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
        return real(found) == real(file)
    }
}
