import Nginx

/// A machine that runs nginx.
package struct Node: Sendable, Hashable, CustomStringConvertible {
    /// A host name or an IP address. It replaces `{node}` in settings.
    package var address: String

    package init(_ address: String) {
        self.address = address
    }

    package var description: String { address }
}

/// How nginx is operated on a node. `{node}` in a value is the node's address.
package struct NodeSettings: Sendable, Hashable {
    /// The directory of the upstream files, `/etc/nginx/backends.d`. Viridian keeps its own files in `.viridian` inside it, a name
    /// that neither `*` nor `*.conf` of an include matches.
    package var backends: String
    /// The shell command that tests nginx's configuration: `nginx -t`.
    package var test: String
    /// The shell command that reloads nginx: `service nginx reload`.
    package var reload: String
    /// nginx's pid file; `nil`: determined on the node.
    package var pid: String?
    /// Whether the node script runs with `sudo -n`.
    package var sudo: Bool
    /// The time limit of a conversation, connecting included. The limits of its actions (a probe's, a post-deploy command's) are added.
    package var timeout: Duration
    /// The time limit from a reload until only new workers accept connections.
    package var verify: Duration

    package init(
        backends: String = "/etc/nginx/backends.d",
        test: String = "nginx -t",
        reload: String = "service nginx reload",
        pid: String? = nil,
        sudo: Bool = false,
        timeout: Duration = .seconds(30),
        verify: Duration = .seconds(10)
    ) {
        self.backends = backends
        self.test = test
        self.reload = reload
        self.pid = pid
        self.sudo = sudo
        self.timeout = timeout
        self.verify = verify
    }

    /// Replaces every `{node}`. An address has no characters that are special to a shell (`StaticInventory.checked`).
    func filled(for node: Node) -> NodeSettings {
        var filled = self
        filled.backends = backends.replacing("{node}", with: node.address)
        filled.test = test.replacing("{node}", with: node.address)
        filled.reload = reload.replacing("{node}", with: node.address)
        filled.pid = pid?.replacing("{node}", with: node.address)
        return filled
    }
}

/// An app's upstream: the file `<backends>/<app>.conf` and the upstream's name in it.
package struct Upstream: Sendable, Hashable {
    package var app: String
    /// The upstream's name: `blogLB`.
    package var name: String
    package var ports: PortPair
    /// The directory of the app's static assets on the nodes: `releases/<version>`, and the links `current`, which follows the colour,
    /// `candidate`, to what was staged last, and `previous`, to what was current before.
    /// `{node}` in it is the node's address. `nil`: the app has no assets.
    package var assets: String?
    /// Whether a new file also has an upstream for the colour that is not live: the app's preview virtual host refers to it, and nginx
    /// would not accept its configuration without it.
    package var hasPreview: Bool { preview != nil }
    /// The host name of the preview, which serves the colour that is not live.
    package var preview: String?
    /// The app's host names, by which its virtual host is found in nginx's configuration.
    package var hosts: [String]
    /// Files of nginx's configuration that may name the ports directly: a path, or the end of one.
    package var allowDirect: [String]

    package init(
        app: String,
        name: String,
        bluePort: Int,
        greenPort: Int,
        assets: String? = nil,
        preview: String? = nil,
        hosts: [String] = [],
        allowDirect: [String] = []
    ) {
        self.app = app
        self.name = name
        self.ports = PortPair(blue: bluePort, green: greenPort)
        self.assets = assets
        self.preview = preview
        self.hosts = hosts
        self.allowDirect = allowDirect
    }

    /// The upstream file for a node that has none; `render nginx` writes the same.
    package func rendered(live: Int) -> [UInt8] {
        Array(UpstreamFile.rendered(upstream: name, ports: ports, live: live, preview: hasPreview).utf8)
    }

    /// The arguments for finding the app in nginx's configuration and for requests like those of visitors.
    func visitArguments(path: String) -> [String] {
        let names = requestHosts
        let path = path.replacing("'", with: "%27").replacing("\"", with: "%22").replacing("\\", with: "%5C")
        return ["upstream=\(name)", "pair=\(ports.blue) \(ports.green)", "path=\(path)"]
            + (names.isEmpty ? [] : ["hosts=\(names.joined(separator: " "))"])
            + (preview.map { ["preview=\($0)"] } ?? [])
    }

    /// A request cannot have a wildcard as host.
    var requestHosts: [String] { hosts.filter { !$0.contains("*") } }

    func assetArguments(for node: Node) -> [String] {
        assets.map { ["assets=\($0.replacing("{node}", with: node.address))", "ports=\(ports.blue) \(ports.green)"] }
            ?? []
    }
}
