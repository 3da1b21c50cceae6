import Testing

@testable import ViridianConfiguration

@Suite("Nodes")
struct NodesTests {
    private func nodes(_ text: String) throws -> NodesConfiguration {
        try Fixture(["viridian.yaml": text]).load().nodes
    }

    @Test("several nginx on one machine: {node} is replaced for each")
    func placeholder() throws {
        let nodes = try nodes(
            """
            nodes:
              inventory: static
              static: [one, two]
              transport: local
              backends: "/srv/{node}/backends.d"
              test: nginx -t -p /srv/{node} -c nginx.conf
              reload: nginx -s reload -p /srv/{node}
              pid: "/srv/{node}/nginx.pid"
            """)
        #expect(nodes.transport == .local)
        #expect(!nodes.sudo)
        #expect(try nodes.backends(for: "one") == "/srv/one/backends.d")
        #expect(try nodes.test(for: "two") == "nginx -t -p /srv/two -c nginx.conf")
        #expect(try nodes.reload(for: "two") == "nginx -s reload -p /srv/two")
        #expect(try nodes.pid(for: "one") == "/srv/one/nginx.pid")
    }

    @Test("without the placeholder every node has the same values")
    func noPlaceholder() throws {
        let nodes = NodesConfiguration(inventory: .fixed(["10.122.43.70"]))
        #expect(try nodes.backends(for: "10.122.43.70") == "/etc/nginx/backends.d")
        #expect(try nodes.pid(for: "10.122.43.70") == nil)
    }

    @Test(
        "an invalid address never becomes part of a command",
        arguments: ["; rm -rf /", "$(id)", "a b", "-x", ""])
    func hostileAddress(_ address: String) {
        let nodes = NodesConfiguration(inventory: .fixed([]), reload: "nginx -p /srv/{node}")
        #expect(throws: InvalidValue.self) { try nodes.reload(for: address) }
    }

    @Test("the balancer's networks are addresses and CIDR blocks without bits beside the prefix")
    func balancer() throws {
        let networks = ["10.0.3.0/24", "10.0.4.7", "10.0.4.8/32", "0.0.0.0/0", "2001:db8::/32", "2001:db8::1"]
        let read = try nodes(
            "nodes: {inventory: static, static: [one], balancer: [\(networks.map { "\"\($0)\"" }.joined(separator: ", "))]}"
        )
        #expect(read.balancer == networks)
        for wrong in ["10.0.3.1/24", "10.0.3.0/33", "10.0.3.0/", "10.0.3", "10.0.3.0/24/1", "all", "2001:db8::1/32"] {
            let errors = try Fixture([
                "viridian.yaml": "nodes: {inventory: static, static: [one], balancer: [\"\(wrong)\"]}"
            ]).errors()
            #expect(
                errors == [
                    "viridian.yaml:1: nodes.balancer[0]: expected an address, or a network such as 10.0.3.0/24, found \"\(wrong)\""
                ])
        }
    }

    @Test("local paths are relative to the file, paths on other machines are absolute")
    func paths() throws {
        let fixture = try Fixture([
            "viridian.yaml": "nodes: {inventory: static, static: [here], transport: local, backends: nginx/backends.d}"
        ])
        #expect(try fixture.load().nodes.backends == fixture.path("nginx/backends.d"))
        let remote = "nodes: {inventory: static, static: [here], backends: nginx/backends.d, pid: run/x}"
        #expect(
            try Fixture(["viridian.yaml": remote]).errors() == [
                #"viridian.yaml:1: nodes.backends: expected an absolute path on the nodes, found "nginx/backends.d""#,
                #"viridian.yaml:1: nodes.pid: expected an absolute path on the nodes, found "run/x""#,
            ])
    }

    @Test(
        "errors in nodes are reported",
        arguments: [
            (
                "journal: x",
                "viridian.yaml: nodes: missing; expected the machines that run nginx (inventory: ec2, kubernetes or static)"
            ),
            ("nodes: {static: [a]}", "viridian.yaml:1: nodes.inventory: missing; expected ec2, kubernetes or static"),
            (
                "nodes: {inventory: aws}",
                #"viridian.yaml:1: nodes.inventory: expected ec2, kubernetes or static, found "aws""#
            ),
            (
                "nodes:\n  inventory: static",
                "viridian.yaml:1: nodes.static: missing; expected a list of at least one address"
            ),
            (
                "nodes:\n  inventory: static\n  static: []",
                "viridian.yaml:3: nodes.static: missing; expected a list of at least one address"
            ),
            (
                "nodes:\n  inventory: static\n  static:\n    - 10.0.0.1\n    - -oProxyCommand=id",
                #"viridian.yaml:5: nodes.static[1]: expected an IP address or a host name, found "-oProxyCommand=id""#
            ),
            (
                "nodes: {inventory: static, static: [a, b, a]}",
                "viridian.yaml:1: nodes.static: expected each node once, found a more than once"
            ),
            ("nodes: {inventory: static, static: a}", "viridian.yaml:1: nodes.static: expected a list, found text"),
            ("nodes: {inventory: ec2}", "viridian.yaml:1: nodes.ec2: missing; expected region and tags"),
            (
                "nodes: {inventory: ec2, ec2: {tags: {a: b}}}",
                "viridian.yaml:1: nodes.ec2.region: missing; expected a region such as us-east-1"
            ),
            (
                "nodes: {inventory: ec2, ec2: {region: us-east-1}}",
                "viridian.yaml:1: nodes.ec2.tags: missing; expected at least one tag that the nodes carry"
            ),
            (
                "nodes: {inventory: ec2, ec2: {region: us-east-1, tags: {}}}",
                "viridian.yaml:1: nodes.ec2.tags: missing; expected at least one tag that the nodes carry"
            ),
            (
                "nodes: {inventory: ec2, ec2: {region: us-east-1, tags: {role: [a]}}}",
                "viridian.yaml:1: nodes.ec2.tags.role: expected the value of a tag, found a list"
            ),
            (
                "nodes: {inventory: ec2, ec2: {region: us.east, tags: {a: b}, address: secret, endpoint: localhost}}",
                #"""
                viridian.yaml:1: nodes.ec2.region: expected a region such as us-east-1, found "us.east"
                viridian.yaml:1: nodes.ec2.address: expected private or public, found "secret"
                viridian.yaml:1: nodes.ec2.endpoint: expected a URL such as https://deploy.domain.com, found "localhost"
                """#
            ),
            (
                "nodes: {inventory: kubernetes, kubernetes: {selector: \"a=$(id)\", address: internalip}}",
                #"""
                viridian.yaml:1: nodes.kubernetes.selector: expected a label selector such as role=web, found "a=$(id)"
                viridian.yaml:1: nodes.kubernetes.address: expected InternalIP, ExternalIP, Hostname, InternalDNS or ExternalDNS, found "internalip"
                """#
            ),
            (
                "nodes: {inventory: kubernetes, transport: telnet, sudo: perhaps, timeout: 0s}",
                #"""
                viridian.yaml:1: nodes.transport: expected ssh or local, found "telnet"
                viridian.yaml:1: nodes.sudo: expected true or false, found "perhaps"
                viridian.yaml:1: nodes.timeout: expected a duration such as 500ms, 30s, 10m or 1h, longer than 0, found "0s"
                """#
            ),
            (
                "nodes: {inventory: kubernetes, ssh: {user: -l, port: 0, parallel: 0, connectTimeout: 10}}",
                #"""
                viridian.yaml:1: nodes.ssh.user: expected the name of a user, found "-l"
                viridian.yaml:1: nodes.ssh.port: expected a port between 1 and 65535, found 0
                viridian.yaml:1: nodes.ssh.parallel: expected a whole number between 1 and 1000, found 0
                viridian.yaml:1: nodes.ssh.connectTimeout: expected a duration such as 500ms, 30s, 10m or 1h, longer than 0, found 10
                """#
            ),
            (
                "nodes: {inventory: kubernetes, test: \"\", reload: \"a\\nb\"}",
                #"""
                viridian.yaml:1: nodes.test: expected a command on one line, found ""
                viridian.yaml:1: nodes.reload: expected a command on one line, found "a\nb"
                """#
            ),
            (
                "nodes: {inventory: static, static: [one, two], transport: local}",
                "viridian.yaml:1: nodes.backends: expected the placeholder {node} in the path, because 2 nodes share this machine"
            ),
            (
                "nodes: {invetory: static, inventory: kubernetes}",
                "viridian.yaml:1: nodes.invetory: unknown key; did you mean inventory?"
            ),
            (
                "nodes: static",
                "viridian.yaml:1: nodes: expected keys and values (inventory, ec2, kubernetes, static, transport, ssh, sudo, backends, test, reload, pid, timeout, balancer), found text"
            ),
        ])
    func errors(_ text: String, _ expected: String) throws {
        #expect(try Fixture(["viridian.yaml": text]).errors().joined(separator: "\n") == expected)
    }
}
