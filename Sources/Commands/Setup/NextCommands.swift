import Foundation
import ViridianConfiguration

/// The commands that come after `init` and `app add`, to copy: three lines of shell.
struct NextCommands: Sendable {
    /// `viridian.yaml` as the person named it.
    var file: String
    /// `nil` for all apps.
    var app: String?
    /// Of the app.
    var cluster: ClusterConfiguration

    private var nodes: NodesConfiguration { cluster.nodes }

    var lines: [String] {
        let config = isFoundWithoutOption ? "" : " --config \(ShellWord.path(file))"
        let app = app.map { " \($0)" } ?? ""
        return [
            "viridian render kubernetes\(app)\(config) | \(kubectl) apply -f -",
            nginx("viridian render nginx\(app)\(config)"),
            "viridian check\(config)   # names the rights that are missing: viridian render rbac, viridian render sudoers",
        ]
    }

    /// Where the configuration names no kubeconfig and no context, kubectl finds what Viridian finds.
    private var kubectl: String {
        let kubeconfig = cluster.kubernetes.kubeconfig.map { " --kubeconfig \(ShellWord.path($0))" } ?? ""
        return "kubectl\(kubeconfig)" + (cluster.kubernetes.context.map { " --context \(ShellWord.quoted($0))" } ?? "")
    }

    /// nginx has the new files once it has been reloaded.
    private func nginx(_ render: String) -> String {
        // Of several nginx on this machine each has commands of its own.
        let isOne = ![nodes.test, nodes.reload].contains { $0.contains(NodesConfiguration.placeholder) }
        guard nodes.transport == .local, isOne else {
            return "\(render) --into nodes   # below / on each node; then there: \(nodes.test) && \(nodes.reload)"
        }
        let sudo = nodes.sudo ? "sudo " : ""
        return "\(sudo)\(render) --into / && \(sudo)\(nodes.test) && \(sudo)\(nodes.reload)"
    }

    /// Whether commands that are run here read this file.
    private var isFoundWithoutOption: Bool {
        guard let found = try? ConfigurationFile.locate(explicit: nil) else { return false }
        func real(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
        return real(found) == real(file)
    }
}
