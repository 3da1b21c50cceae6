/// The node script as a program that an administrator installs on the nodes, for a key that can do this and nothing else.
///
/// Whoever holds the key can bring the app's colours up and down and place artifacts from the named source. What is run on the node,
/// which files are touched and which ports are asked stands in a file that only root can change.
package enum InstalledNode {
    package static let path = "/usr/local/sbin/viridian-node"
    package static let configurationPath = "/etc/viridian/node.conf"

    /// What the node's file says about one app.
    package struct App: Sendable, Hashable {
        package var name: String
        package var ports: [Int]
        /// The name of its upstream. Where there is no file yet, one with this upstream and its preview's may be made.
        package var upstream: String?
        /// The command that runs there after a deployment, as the configuration has it.
        package var postDeploy: String?
        /// The directory of static assets.
        package var assets: String?
        /// What the URL of an artifact begins with, to the slash after its host at least; `file` allows those that come over the connection.
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
    /// It takes requests on standard input (`NodeSession`). Its arguments and SSH_ORIGINAL_COMMAND mean nothing to it.
    package static func program(configuration path: String = configurationPath) -> String {
        """
        #!/bin/sh
        # Switches this node's nginx between the two colours of an app, for Viridian. What it may do stands in
        # \(path). Installed by an administrator; its own text holds no secret.
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        unset SSH_ORIGINAL_COMMAND

        """ + NodeSession.functions + """
            installed=\(path)
            set --
            serve

            """
    }

    /// The text of `/etc/viridian/node.conf` (mode 0644, of root): KEY=VALUE lines, which no shell evaluates. A node fills
    /// `{node}` in the settings.
    package static func configuration(_ settings: NodeSettings, for node: Node? = nil, apps: [App]) -> String {
        let settings = node.map { settings.filled(for: $0) } ?? settings
        var lines = [
            "# What viridian-node may do on this node. Values are compared as they stand.",
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

    /// Lines for `/etc/sudoers.d/viridian` (mode 0440): this program without arguments, and nothing else; without a terminal, which
    /// some distributions' sudoers demand (`requiretty`, sudoers(5)) and an SSH session without one never has.
    package static func sudoers(user: String) -> String {
        """
        Defaults:\(user) !requiretty
        \(user) ALL=(root) NOPASSWD: \(path) ""
        """
    }

    /// A line for the user's `authorized_keys`: whatever the client asks for, this is what runs. `restrict` takes away
    /// forwarding and terminals (sshd(8)).
    package static func authorizedKey(_ publicKey: String, sudo: Bool = true) -> String {
        "restrict,command=\"\(sudo ? "sudo -n " : "")\(path)\" \(publicKey)"
    }
}
