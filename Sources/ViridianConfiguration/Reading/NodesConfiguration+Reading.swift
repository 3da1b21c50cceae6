extension NodesConfiguration {
    static let keys = [
        "inventory", "ec2", "kubernetes", "static", "transport", "ssh", "sudo", "backends", "test", "reload", "pid",
        "timeout", "balancer",
    ]

    fileprivate enum InventoryName: String, CaseIterable {
        case ec2
        case kubernetes
        case `static`
    }

    fileprivate enum TransportName: String, CaseIterable {
        case ssh
        case local
    }

    init?(_ root: Section) {
        guard root.has("nodes") else {
            root.report(
                "missing; expected the machines that run nginx (inventory: ec2, kubernetes or static)", at: "nodes")
            return nil
        }
        guard let nodes = root.section("nodes", known: Self.keys) else { return nil }
        let inventory = Inventory(nodes, name: nodes.require("inventory", Kind<InventoryName>.choice))
        let transport = nodes.read("transport", .choice, default: TransportName.ssh)
        let ssh = SSH(nodes)
        let isLocal = transport == .local
        // A path on this machine may be relative to the file, a path on another one must be absolute.
        let path: Kind<String> = isLocal ? .path : .absolutePath("an absolute path on the nodes")
        let value = NodesConfiguration(
            inventory: inventory ?? .fixed([]),
            transport: isLocal ? .local : .ssh(ssh),
            sudo: nodes.read("sudo", .boolean),
            backends: nodes.read("backends", path, default: "/etc/nginx/backends.d"),
            test: nodes.read("test", .command, default: "nginx -t"),
            reload: nodes.read("reload", .command, default: "service nginx reload"),
            pid: nodes.read("pid", path),
            timeout: nodes.read("timeout", .duration(positive: true), default: .seconds(30)),
            balancer: nodes.list("balancer", .network) ?? []
        )
        if isLocal, case .fixed(let addresses) = inventory, addresses.count > 1,
            !value.backends.contains(Self.placeholder)
        {
            nodes.report(
                "expected the placeholder {node} in the path, because \(addresses.count) nodes share this machine",
                at: "backends")
        }
        guard inventory != nil else { return nil }
        self = value
    }
}

extension NodesConfiguration.Inventory {
    /// Reads and validates all sections, and returns the one that `inventory` names.
    fileprivate init?(_ nodes: Section, name: NodesConfiguration.InventoryName?) {
        let ec2 = NodesConfiguration.EC2(nodes)
        let kubernetes = NodesConfiguration.Kubernetes(nodes)
        let addresses = nodes.list("static", .nodeAddress)
        if let addresses,
            let twice = addresses.enumerated().first(where: { addresses[..<$0.offset].contains($0.element) })
        {
            nodes.report("expected each node once, found \(twice.element) more than once", at: "static")
        }
        switch name {
        case .ec2?:
            if !nodes.has("ec2") { nodes.report("missing; expected region and tags", at: "ec2") }
            guard let ec2 else { return nil }
            self = .ec2(ec2)
        case .kubernetes?: self = .kubernetes(kubernetes)
        case .static?:
            if !nodes.has("static") || nodes.isEmpty("static") {
                nodes.report("missing; expected a list of at least one address", at: "static")
            }
            guard let addresses else { return nil }
            self = .fixed(addresses)
        case nil: return nil
        }
    }
}

extension NodesConfiguration.EC2 {
    fileprivate init?(_ nodes: Section) {
        guard let section = nodes.section("ec2", known: ["region", "tags", "address", "endpoint"]) else { return nil }
        let region = section.require("region", .region)
        let tags = section.dictionary("tags", .tagValue)
        // Without tags, every instance of the account would be a node.
        if !section.has("tags") || section.isEmpty("tags") {
            section.report("missing; expected at least one tag that the nodes carry", at: "tags")
        }
        let address = section.read("address", .choice, default: Address.private)
        let endpoint = section.read("endpoint", .url)
        guard let region, let tags else { return nil }
        self.init(region: region, tags: tags, address: address, endpoint: endpoint)
    }
}

extension NodesConfiguration.Kubernetes {
    fileprivate init(_ nodes: Section) {
        self.init()
        guard let section = nodes.section("kubernetes", known: ["selector", "address"]) else { return }
        selector = section.read("selector", .labelSelector, default: "")
        address = section.read("address", .choice, default: address)
    }
}

extension NodesConfiguration.SSH {
    fileprivate init(_ nodes: Section) {
        self.init()
        let known = ["user", "port", "identityFile", "config", "parallel", "connectTimeout"]
        guard let section = nodes.section("ssh", known: known) else { return }
        user = section.read("user", .userName)
        port = section.read("port", .port())
        identityFile = section.read("identityFile", .path)
        config = section.read("config", .path)
        parallel = section.read("parallel", .integer(1...1000), default: parallel)
        connectTimeout = section.read("connectTimeout", .duration(positive: true), default: connectTimeout)
    }
}

extension Kind where Value == String {
    static var nodeAddress: Kind { .text(NodeAddress.expected, where: Grammar.isNodeAddress) }

    static var network: Kind {
        .text("an address, or a network such as 10.0.3.0/24", where: Grammar.isNetwork)
    }

    static var userName: Kind { .text("the name of a user", where: Grammar.isUserName) }

    static var region: Kind {
        .text("a region such as us-east-1") { !$0.contains(".") && Grammar.isDNSName($0) }
    }

    static var tagValue: Kind { .text("the value of a tag", where: Grammar.isOneLine) }

    /// Only the characters are checked; the API server checks the syntax.
    static var labelSelector: Kind {
        .text("a label selector such as role=web") { text in
            text.utf8.allSatisfy { Grammar.isAlphanumeric($0) || "-_./=!,() ".utf8.contains($0) }
        }
    }
}
