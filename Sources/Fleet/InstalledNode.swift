/// The node script as a program that an administrator installs on the nodes, for an SSH key that can run only this program.
///
/// The holder of the key can switch the app's colours and install artifacts from the configured source. The commands, files and ports
/// are in a file that only root can change.
package enum InstalledNode {
    package static let path = "/usr/local/sbin/viridian-node"
    package static let configurationPath = "/etc/viridian/node.conf"

    /// The settings of an app in the node's configuration file.
    package struct App: Sendable, Hashable {
        package var name: String
        package var ports: [Int]
        /// The name of its upstream. A missing upstream file may be created with this upstream and its preview's.
        package var upstream: String?
        /// The post-deploy command of the configuration.
        package var postDeploy: String?
        /// The directory of static assets.
        package var assets: String?
        /// The required prefix of an artifact's URL, at least up to the slash after the host; `file` allows artifacts that are sent over
        /// the connection.
        package var artifact: String?

        package init(
            name: String,
            ports: [Int],
            upstream: String? = nil,
            postDeploy: String? = nil,
            assets: String? = nil,
            artifact: String? = nil
        ) {
            self.name = name
            self.ports = ports
            self.upstream = upstream
            self.postDeploy = postDeploy
            self.assets = assets
            self.artifact = artifact
        }
    }

    /// The text of `/usr/local/sbin/viridian-node` (mode 0755, of root).
    ///
    /// It reads requests from standard input (`NodeSession`). It ignores its arguments and SSH_ORIGINAL_COMMAND.
    package static func program(configuration path: String = configurationPath) -> String {
        """
        #!/bin/sh
        # Switches this node's nginx between the two colours of an app, for Viridian. \(path)
        # says what it may do. Installed by an administrator; this file has no secrets.
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        unset SSH_ORIGINAL_COMMAND

        """ + NodeSession.functions + """
            installed=\(path)
            set --
            serve

            """
    }

    /// The text of `/etc/viridian/node.conf` (mode 0644, of root): KEY=VALUE lines, which no shell evaluates. With `node`, `{node}` in
    /// the settings is replaced.
    package static func configuration(_ settings: NodeSettings, for node: Node? = nil, apps: [App]) -> String {
        let settings = node.map { settings.filled(for: $0) } ?? settings
        var lines = [
            "# What viridian-node may do on this node. Values must match exactly.",
            "backends=\(settings.backends)", "test=\(settings.test)", "reload=\(settings.reload)",
        ]
        if let pid = settings.pid { lines.append("pid=\(pid)") }
        for app in apps {
            lines.append("ports.\(app.name)=" + app.ports.map(String.init).joined(separator: " "))
            if let upstream = app.upstream { lines.append("upstream.\(app.name)=\(upstream)") }
            if let command = app.postDeploy { lines.append("postDeploy.\(app.name)=\(command)") }
            if let assets = app.assets {
                lines.append(
                    "assets.\(app.name)=" + (node.map { assets.replacing("{node}", with: $0.address) } ?? assets))
            }
            if let artifact = app.artifact { lines.append("artifact.\(app.name)=\(artifact)") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The options of the key in the user's `authorized_keys`: it always runs this program. `restrict` disables forwarding and terminals
    /// (sshd(8)).
    package static func keyOptions(sudo: Bool = true) -> [String] {
        ["restrict", "command=\"\(sudo ? "sudo -n " : "")\(path)\""]
    }

    /// The key's line there.
    package static func authorizedKey(_ publicKey: String, sudo: Bool = true) -> String {
        keyOptions(sudo: sudo).joined(separator: ",") + " " + publicKey
    }
}
