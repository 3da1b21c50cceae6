import Nginx

/// A machine that runs nginx.
package struct Node: Sendable, Hashable, CustomStringConvertible {
    /// How it is reached: a host name or an IP address. It is also what `{node}` stands for in settings.
    package var address: String

    package init(_ address: String) {
        self.address = address
    }

    package var description: String { address }
}

/// How nginx is run on a node. `{node}` in a value is the node's address.
package struct NodeSettings: Sendable, Hashable {
    /// The directory of the upstream files, `/etc/nginx/backends.d`. Viridian keeps its own files in `.viridian` inside it, a name
    /// that neither `*` nor `*.conf` of an include matches.
    package var backends: String
    /// Shell command that tests nginx's configuration: `nginx -t`.
    package var test: String
    /// Shell command that makes nginx load its configuration: `service nginx reload`.
    package var reload: String
    /// nginx's pid file; `nil` is found out on the node.
    package var pid: String?
    /// Run the node script with `sudo -n`.
    package var sudo: Bool
    /// How long one conversation may take, connection included, without the limits that an action has of its own (a probe's, a
    /// post-deploy command's).
    package var timeout: Duration
    /// How long nginx may take from a reload until only new workers accept connections.
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

    /// With every `{node}` replaced. An address is a host name or an IP address (`Inventory` sees to that), so it means nothing to a shell.
    func filled(for node: Node) -> NodeSettings {
        var filled = self
        filled.backends = backends.replacing("{node}", with: node.address)
        filled.test = test.replacing("{node}", with: node.address)
        filled.reload = reload.replacing("{node}", with: node.address)
        filled.pid = pid?.replacing("{node}", with: node.address)
        return filled
    }
}

/// An app as nginx knows it: the file `<backends>/<app>.conf` and the upstream in it.
package struct Upstream: Sendable, Hashable {
    package var app: String
    /// The upstream's name: `blogLB`.
    package var name: String
    package var ports: PortPair
    /// A directory on the nodes with the app's static assets: `releases/<version>` in it, and `current`, a link that follows the
    /// colour. `{node}` in it is the node's address. `nil`: the app has none.
    package var assets: String?
    /// A file that is made has an upstream for the colour that is not live too: a virtual host of the app names it, and without it nginx
    /// would not accept its configuration.
    package var hasPreview: Bool { preview != nil }
    /// The host at which the colour that is not live can be tried.
    package var preview: String?
    /// The app's host names, where it has any: by them nginx's virtual host of the app is found.
    package var hosts: [String]
    /// Files of nginx's configuration that may name the ports themselves: a path, or the last parts of one.
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

    /// The file for a node that has none, as `render nginx` writes it.
    package func rendered(live: Int) -> [UInt8] {
        Array(UpstreamFile.rendered(upstream: name, ports: ports, live: live, preview: hasPreview).utf8)
    }

    /// By what nginx's configuration is read for this app, and how its visitors ask.
    func visitArguments(path: String) -> [String] {
        // A wildcard is no host that a request can name.
        let names = hosts.filter { !$0.contains("*") }
        let path = path.replacing("'", with: "%27").replacing("\"", with: "%22").replacing("\\", with: "%5C")
        return ["upstream=\(name)", "pair=\(ports.blue) \(ports.green)", "path=\(path)"]
            + (names.isEmpty ? [] : ["hosts=\(names.joined(separator: " "))"])
            + (preview.map { ["preview=\($0)"] } ?? [])
    }

    func assetArguments(for node: Node) -> [String] {
        assets.map { ["assets=\($0.replacing("{node}", with: node.address))", "ports=\(ports.blue) \(ports.green)"] }
            ?? []
    }
}
