import Foundation

/// The machines that run nginx, the transport to them, and nginx's paths and commands there.
package struct NodesConfiguration: Sendable, Hashable {
    package enum Inventory: Sendable, Hashable {
        case ec2(EC2)
        case kubernetes(Kubernetes)
        case fixed([String])
    }

    /// Instances that carry all of these tags.
    package struct EC2: Sendable, Hashable {
        package enum Address: String, Sendable, Hashable, CaseIterable {
            case `private`
            case `public`
        }

        package var region: String
        package var tags: [String: String]
        package var address: Address
        /// Replaces Amazon's endpoint, for tests.
        package var endpoint: URL?

        package init(region: String, tags: [String: String], address: Address = .private, endpoint: URL? = nil) {
            self.region = region
            self.tags = tags
            self.address = address
            self.endpoint = endpoint
        }
    }

    /// Nodes of the cluster.
    package struct Kubernetes: Sendable, Hashable {
        /// The types of a node's `status.addresses`.
        package enum Address: String, Sendable, Hashable, CaseIterable {
            case internalIP = "InternalIP"
            case externalIP = "ExternalIP"
            case hostname = "Hostname"
            case internalDNS = "InternalDNS"
            case externalDNS = "ExternalDNS"
        }

        /// A label selector; empty selects all.
        package var selector: String
        package var address: Address

        package init(selector: String = "", address: Address = .internalIP) {
            self.selector = selector
            self.address = address
        }
    }

    package enum Transport: Sendable, Hashable {
        /// nginx runs on this machine.
        case local
        case ssh(SSH)
    }

    package struct SSH: Sendable, Hashable {
        /// `nil`: ssh's own default or configuration; the same for `port` and `identityFile`.
        package var user: String?
        package var port: Int?
        package var identityFile: String?
        /// A file in the format of ssh_config(5).
        package var config: String?
        /// How many sessions may start at the same time.
        package var parallel: Int
        package var connectTimeout: Duration

        package init(
            user: String? = nil, port: Int? = nil, identityFile: String? = nil, config: String? = nil,
            parallel: Int = 20, connectTimeout: Duration = .seconds(10)
        ) {
            self.user = user
            self.port = port
            self.identityFile = identityFile
            self.config = config
            self.parallel = parallel
            self.connectTimeout = connectTimeout
        }
    }

    package var inventory: Inventory
    package var transport: Transport
    /// Whether the node script runs as root, with sudo.
    package var sudo: Bool
    /// The absolute path of the directory of upstream files on a node. May contain the placeholder `{node}`, as may `test`,
    /// `reload` and `pid`: see ``backends(for:)``.
    package var backends: String
    /// The command that tests nginx's configuration.
    package var test: String
    /// The command that reloads nginx.
    package var reload: String
    /// The path of nginx's pid file; `nil`: the path in nginx's configuration.
    package var pid: String?
    /// The time limit of the node script on one node.
    package var timeout: Duration
    /// The addresses and networks (CIDR) from which the load balancer calls nginx; empty: not known.
    package var balancer: [String]

    package init(
        inventory: Inventory,
        transport: Transport = .ssh(SSH()),
        sudo: Bool? = nil,
        backends: String = "/etc/nginx/backends.d",
        test: String = "nginx -t",
        reload: String = "service nginx reload",
        pid: String? = nil,
        timeout: Duration = .seconds(30),
        balancer: [String] = []
    ) {
        self.inventory = inventory
        self.transport = transport
        self.sudo = sudo ?? (transport != .local)
        self.backends = backends
        self.test = test
        self.reload = reload
        self.pid = pid
        self.timeout = timeout
        self.balancer = balancer
    }
}

// MARK: - Values for each node

extension NodesConfiguration {
    /// Replaced by the node's address, so that several nginx on one machine can have separate paths.
    package static let placeholder = "{node}"

    /// The values for one node. All four throw `InvalidValue` for an invalid address, because it becomes part of paths and commands.
    package func backends(for address: String) throws(InvalidValue) -> String { try fill(backends, address) }
    package func test(for address: String) throws(InvalidValue) -> String { try fill(test, address) }
    package func reload(for address: String) throws(InvalidValue) -> String { try fill(reload, address) }
    package func pid(for address: String) throws(InvalidValue) -> String? {
        guard let pid else { return nil }
        return try fill(pid, address)
    }

    private func fill(_ text: String, _ address: String) throws(InvalidValue) -> String {
        text.replacingOccurrences(of: Self.placeholder, with: try NodeAddress.validate(address))
    }
}
