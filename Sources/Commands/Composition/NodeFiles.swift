import AWS
import Controller
import Fleet
import Scaffold
import ViridianConfiguration

/// What an administrator installs on the nodes so that Viridian may do its work there, and nothing else.
struct NodeFiles {
    enum Part: String, CaseIterable, Sendable {
        case sudoers
        case program = "viridian-node"
        case configuration = "node.conf"
    }

    var nodes: NodesConfiguration
    var apps: [AppConfiguration]

    func file(_ part: Part) async throws -> RenderedFile {
        switch part {
        case .sudoers: RenderedFile(path: "etc/sudoers.d/viridian", text: sudoers)
        case .program:
            RenderedFile(path: String(InstalledNode.path.dropFirst()), text: InstalledNode.program())
        case .configuration:
            RenderedFile(
                path: String(InstalledNode.configurationPath.dropFirst()),
                text: InstalledNode.configuration(settings, apps: try await installed))
        }
    }

    private var user: String {
        if case .ssh(let ssh) = nodes.transport { ssh.user ?? "deploy" } else { "deploy" }
    }

    private var sudoers: String {
        """
        # For nodes whose key runs viridian-node and nothing else. Install that program, and what it may do, first:
        #   viridian render viridian-node > viridian-node   (\(InstalledNode.path), mode 0755, of root)
        #   viridian render node.conf > node.conf           (\(InstalledNode.configurationPath), mode 0644, of root)
        # The key's line in \(user)'s authorized_keys begins with
        #   \(InstalledNode.authorizedKey("ssh-ed25519 …"))
        # This file: /etc/sudoers.d/viridian, mode 0440; `visudo -cf` checks it.
        \(InstalledNode.sudoers(user: user))

        """
    }

    private var settings: NodeSettings {
        NodeSettings(
            backends: nodes.backends, test: nodes.test, reload: nodes.reload, pid: nodes.pid, sudo: nodes.sudo,
            timeout: nodes.timeout)
    }

    private var installed: [InstalledNode.App] {
        get async throws {
            var list: [InstalledNode.App] = []
            for app in apps {
                list.append(
                    InstalledNode.App(
                        name: app.name.text, ports: [app.ports.blue, app.ports.green],
                        postDeploy: app.postDeploy?.command, assets: app.artifact?.to,
                        artifact: try await app.artifact.asyncFlatMap(source)))
            }
            return list
        }
    }

    /// What the URL of every version's artifact begins with.
    private func source(_ artifact: AppConfiguration.Artifact) async throws -> String? {
        let before = artifact.from.split(separator: "{", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
        if before.hasPrefix("s3://") {
            let parts = before.dropFirst(5).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            let key = parts.count > 1 ? String(parts[1]) : ""
            let storage = S3(credentials: .standard)
            // A key has to be there; what follows the bucket's slash is cut off again where the placeholder is all of it.
            let address = try await storage.address(bucket: String(parts[0]), key: key.isEmpty ? "x" : key)
            return key.isEmpty ? String(address.dropLast()) : address
        }
        return before.hasPrefix("https://") ? String(before) : "file"
    }
}

extension Optional where Wrapped: Sendable {
    fileprivate func asyncFlatMap<T>(_ body: (Wrapped) async throws -> T?) async throws -> T? {
        guard let self else { return nil }
        return try await body(self)
    }
}
