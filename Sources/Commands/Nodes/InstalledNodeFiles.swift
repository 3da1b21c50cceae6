import AWS
import Controller
import Fleet
import Foundation
import Scaffold
import TextTemplates
import ViridianConfiguration

/// The files that an administrator installs on the nodes: they let Viridian do its work there, and nothing else.
struct NodeFiles {
    enum Part: String, CaseIterable, Sendable {
        case sudoers
        case program = "viridian-node"
        case configuration = "node.conf"
    }

    var nodes: NodesConfiguration
    var apps: [AppConfiguration]
    /// As whom viridian runs, where nginx is on its own machine.
    var localUser: String?

    func file(_ part: Part) async throws -> RenderedFile {
        switch part {
        case .sudoers: RenderedFile(path: "etc/sudoers.d/viridian", text: try sudoers, mode: 0o440)
        case .program:
            RenderedFile(path: String(InstalledNode.path.dropFirst()), text: InstalledNode.program(), mode: 0o755)
        case .configuration:
            RenderedFile(
                path: String(InstalledNode.configurationPath.dropFirst()),
                text: InstalledNode.configuration(settings, apps: try await installed), mode: 0o644)
        }
    }

    /// All of them, with the user and the options of its key; `nil` where nodes are not reached by SSH.
    var program: NodeProgram? {
        get async throws {
            guard case .ssh(let ssh) = nodes.transport else { return nil }
            return NodeProgram(
                user: ssh.user ?? "deploy", program: try await file(.program),
                configuration: try await file(.configuration),
                sudoers: nodes.sudo ? try await file(.sudoers) : nil,
                keyOptions: InstalledNode.keyOptions(sudo: nodes.sudo))
        }
    }

    /// - Throws: `Refusal` if the nodes are used without sudo, or as root.
    private var sudoers: String {
        get throws {
            guard nodes.sudo else {
                throw Refusal(
                    "nodes.sudo is false: sudo is not used on the nodes, so there are no rules to write")
            }
            guard case .ssh(let ssh) = nodes.transport else {
                return LocalSudoers(user: localUser ?? LocalSudoers.serverUser).text
            }
            guard localUser == nil else {
                throw Refusal("--user is for transport: local; over SSH the user is nodes.ssh.user")
            }
            let user = ssh.user ?? "deploy"
            guard user != "root" else {
                throw Refusal(
                    "nodes.ssh.user is root, who needs no sudo. To fix: set nodes.sudo to false, or log in as another user, whose "
                        + "key can then be limited to releases (viridian render viridian-node)")
            }
            return NodeSudoers(
                user: user, program: InstalledNode.path, configuration: InstalledNode.configurationPath,
                authorizedKey: InstalledNode.authorizedKey("ssh-ed25519 …")
            ).text
        }
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
                        name: app.name.text, ports: [app.ports.blue, app.ports.green], upstream: app.upstream,
                        postDeploy: app.postDeploy?.command, assets: app.artifact?.to,
                        artifact: try await app.artifact.asyncMap { try await source($0, of: app.name) }))
            }
            return list
        }
    }

    /// The common prefix of the URLs of all versions' artifacts, up to the version. It must be longer than the host, because the holder of
    /// the key can fetch every URL that begins with it.
    /// - Throws: `Refusal` if the version is a part of the host or the bucket.
    private func source(_ artifact: AppConfiguration.Artifact, of app: AppName) async throws -> String {
        let from = artifact.from.replacing("{app}", with: app.text)
        guard !from.hasPrefix("/") else { return "file" }
        let before = from.range(of: "{version}").map { String(from[..<$0.lowerBound]) } ?? from
        let place = before.range(of: "://").map { before[$0.upperBound...] } ?? before[...]
        guard let slash = place.firstIndex(of: "/"), slash > place.startIndex else {
            throw Refusal(
                "artifact.from of \(app) is \(artifact.from), where the version is a part of the host or the bucket: node.conf would "
                    + "allow any host or bucket. To fix: put the version after the first slash of the path")
        }
        guard before.hasPrefix("s3://") else { return before }
        let key = String(place[place.index(after: slash)...])
        // S3 needs a key: if the key begins with the version, a placeholder is used and removed again.
        let address = try await S3(credentials: .standard).address(
            bucket: String(place[..<slash]), key: key.isEmpty ? "x" : key)
        return key.isEmpty ? String(address.dropLast()) : address
    }
}

extension Optional where Wrapped: Sendable {
    fileprivate func asyncMap<T>(_ body: (Wrapped) async throws -> T) async throws -> T? {
        guard let self else { return nil }
        return try await body(self)
    }
}
