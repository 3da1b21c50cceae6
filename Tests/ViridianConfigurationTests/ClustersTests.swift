import Foundation
import Testing

@testable import ViridianConfiguration

@Suite("Several clusters")
struct ClustersTests {
    private static let two = """
        clusters:
          - name: east
            kubeconfig: east.yaml
            nodes: {inventory: static, static: [10.1.0.1]}
          - name: west
            context: west
            nodes: {inventory: kubernetes, kubernetes: {selector: role=web}, ssh: {user: ops}}

        """

    private static func app(_ name: String, _ more: String = "", blue: Int = 30000) -> String {
        """
        app: \(name)
        ports: {container: 9000, blue: \(blue), green: \(blue + 1)}
        image: registry.local:5000/\(name)
        \(more)

        """
    }

    private func fixture(_ main: String, _ apps: [String: String]) throws -> Fixture {
        try Fixture(
            ["viridian.yaml": main].merging(apps.map { ("apps/\($0.key).yaml", $0.value) }) { $1 },
            without: apps.keys.contains("blog") ? [] : ["apps/blog.yaml"])
    }

    @Test("without `clusters` there is one cluster, without a name, and every app is in it")
    func one() throws {
        let configuration = try Fixture().load()
        #expect(configuration.clusters == [ClusterConfiguration(nodes: configuration.nodes)])
        #expect(!configuration.hasSeveralClusters)
        let blog = try configuration.app("blog")
        #expect(blog.cluster == nil)
        #expect(configuration.cluster(of: blog) == configuration.clusters[0])
    }

    @Test("each of `clusters` has its own API and nodes, and an app names the one that it runs in")
    func named() throws {
        let fixture = try fixture(
            Self.two, ["blog": Self.app("blog", "cluster: east"), "shop": Self.app("shop", "cluster: west")])
        let configuration = try fixture.load()
        #expect(
            configuration.clusters == [
                ClusterConfiguration(
                    name: "east", kubernetes: .init(kubeconfig: fixture.path("east.yaml")),
                    nodes: NodesConfiguration(inventory: .fixed(["10.1.0.1"]))),
                ClusterConfiguration(
                    name: "west", kubernetes: .init(context: "west"),
                    nodes: NodesConfiguration(
                        inventory: .kubernetes(.init(selector: "role=web")), transport: .ssh(.init(user: "ops")))),
            ])
        #expect(configuration.cluster(of: try configuration.app("shop"))?.name == "west")
    }

    @Test("`kubernetes` and `nodes` beside `clusters` are the cluster of the apps that name none, or name default")
    func unnamed() throws {
        let fixture = try fixture(
            "kubernetes: {context: main}\n" + Fixture.main + Self.two,
            [
                "blog": Self.app("blog"), "shop": Self.app("shop", "cluster: west"),
                "www": Self.app("www", "cluster: default", blue: 30010),
            ])
        let configuration = try fixture.load()
        #expect(configuration.clusters.map(\.name) == [nil, "east", "west"])
        #expect(configuration.clusters.map(\.label) == ["default", "east", "west"])
        #expect(configuration.kubernetes.context == "main")
        #expect(try configuration.app("blog").cluster == nil)
        #expect(try configuration.app("www").cluster == nil)
    }

    @Test("ports, upstreams, namespaces and hosts are unique in a cluster, and may be the same in another one")
    func claims() throws {
        let more = "namespace: web\nupstream: webLB\nhosts: [www.domain.com]\n"
        let apart = [
            "blog": Self.app("blog", more + "cluster: east"), "shop": Self.app("shop", more + "cluster: west"),
        ]
        #expect(try fixture(Self.two, apart).errors() == [])
        let together = [
            "blog": Self.app("blog", more + "cluster: west"), "shop": Self.app("shop", more + "cluster: west"),
        ]
        #expect(
            try fixture(Self.two, together).errors() == [
                "apps/shop.yaml:2: ports.blue: expected a unique port, but 30000 is ports.blue of blog (apps/blog.yaml:2)",
                "apps/shop.yaml:2: ports.green: expected a unique port, but 30001 is ports.green of blog (apps/blog.yaml:2)",
                "apps/shop.yaml:4: namespace: expected a unique namespace, but web is the namespace of blog (apps/blog.yaml:4)",
                "apps/shop.yaml:5: upstream: expected a unique name, but webLB is the upstream of blog (apps/blog.yaml:5)",
                "apps/shop.yaml:6: hosts[0]: expected a unique host, but www.domain.com is hosts[0] of blog (apps/blog.yaml:6)",
            ])
    }

    @Test("an app's name is unique, whichever clusters there are")
    func names() throws {
        let files = ["a": Self.app("blog", "cluster: east"), "b": Self.app("blog", "cluster: west")]
        #expect(
            try fixture(Self.two, files).errors() == [
                "apps/b.yaml:1: app: expected a unique name, but the app in apps/a.yaml:1 is named blog too"
            ])
    }

    @Test(
        "an app in a cluster that there is not",
        arguments: [
            (
                two, "cluster: wset",
                #"apps/blog.yaml:4: cluster: expected a cluster that is configured (east, west; did you mean west?), found "wset""#
            ),
            (
                two, "cluster: production",
                #"apps/blog.yaml:4: cluster: expected a cluster that is configured (east, west), found "production""#
            ),
            (
                two, "cluster: default",
                #"apps/blog.yaml:4: cluster: expected a cluster that is configured (east, west), found "default""#
            ),
            (
                two, "replicas: 2",
                "apps/blog.yaml: cluster: missing; expected east or west: the cluster of the apps that name none would be `nodes` in viridian.yaml, which has only `clusters`"
            ),
            (
                Fixture.main, "cluster: west",
                #"apps/blog.yaml:4: cluster: expected no cluster, because viridian.yaml has no `clusters`, found "west""#
            ),
            (
                Fixture.main + two, "cluster: $(id)",
                #"apps/blog.yaml:4: cluster: expected a cluster that is configured (default, east, west), found "$(id)""#
            ),
            (two, "cluster: [east]", "apps/blog.yaml:4: cluster: expected the name of a cluster, found a list"),
        ])
    func unknown(_ main: String, _ line: String, _ expected: String) throws {
        #expect(try fixture(main, ["blog": Self.app("blog", line)]).errors() == [expected])
    }

    @Test("with an error in `clusters` no app is told that its cluster is missing")
    func errorsOnce() throws {
        let main = "clusters: [{name: east, nodes: {inventory: static}}]"
        #expect(
            try fixture(main, ["blog": Self.app("blog", "cluster: east"), "shop": Self.app("shop", blue: 30010)])
                .errors()
                == ["viridian.yaml:1: clusters[0].nodes.static: missing; expected a list of at least one address"])
    }

    @Test(
        "with `clusters` empty or of another form, the app's cluster is not told to be wrong too",
        arguments: ["clusters: []", "clusters: {west: {}}", "clusters: [west]"])
    func oneErrorOnly(_ clusters: String) throws {
        for main in [clusters, Fixture.main + clusters] {
            let errors = try fixture(main, ["shop": Self.app("shop", "cluster: west")]).errors()
            #expect(errors.count == 1 && errors[0].hasPrefix("viridian.yaml:"), "\(errors)")
        }
    }

    @Test(
        "what is wrong with `clusters`",
        arguments: [
            (
                "clusters: []",
                [
                    "viridian.yaml:1: clusters: expected at least one cluster; without this key, the cluster is `kubernetes`"
                ]
            ),
            ("clusters: {east: {}}", ["viridian.yaml:1: clusters: expected a list, found keys and values"]),
            (
                "clusters: [{name: East, nodes: {inventory: kubernetes}}, {nodes: {inventory: kubernetes}}, {name: default, contxt: x}]",
                [
                    #"viridian.yaml:1: clusters[2].contxt: unknown key; did you mean context?"#,
                    #"viridian.yaml:1: clusters[0].name: expected a name of at most 63 lower-case letters, digits and -, but not default, which is the cluster of `kubernetes` and `nodes`, found "East""#,
                    #"viridian.yaml:1: clusters[1].name: missing; expected a name of at most 63 lower-case letters, digits and -, but not default, which is the cluster of `kubernetes` and `nodes`"#,
                    #"viridian.yaml:1: clusters[2].name: expected a name of at most 63 lower-case letters, digits and -, but not default, which is the cluster of `kubernetes` and `nodes`, found "default""#,
                    "viridian.yaml:1: clusters[2].nodes: missing; expected the machines that run nginx (inventory: ec2, kubernetes or static)",
                ]
            ),
            (
                "kubernetes: {context: east}\nclusters: [{name: west, context: west, nodes: {inventory: kubernetes}}]",
                [
                    "viridian.yaml:1: kubernetes: expected `nodes` too: both are the cluster of the apps that name none. Without such apps, remove `kubernetes`: each of `clusters` has its own kubeconfig and context"
                ]
            ),
            (
                "clusters:\n- {name: east, context: a, nodes: {inventory: kubernetes}}\n- {name: east, context: b, nodes: {inventory: kubernetes}}",
                [#"viridian.yaml:3: clusters[1].name: expected each name once, found "east" more than once"#]
            ),
            (
                "clusters:\n- {name: east, context: a, nodes: {inventory: kubernetes}}\n- {name: west, context: a, nodes: {inventory: kubernetes}}",
                [
                    "viridian.yaml:3: clusters[1].context: expected another kubeconfig or context than that of cluster east, because both name the same cluster"
                ]
            ),
            (
                "nodes: {inventory: kubernetes}\nclusters: [{name: west, nodes: {inventory: kubernetes}}]",
                [
                    "viridian.yaml:2: clusters[0].kubeconfig: expected another kubeconfig or context than that of `kubernetes`, because both name the same cluster"
                ]
            ),
        ])
    func wrong(_ main: String, _ expected: [String]) throws {
        #expect(try fixture(main, [:]).errors() == expected)
    }

    @Test("a cluster's nodes have the keys of `nodes`, and local paths relative to the file")
    func nodes() throws {
        let fixture = try fixture(
            """
            clusters:
              - name: east
                nodes: {inventory: static, static: [here], transport: local, backends: east/backends.d, nod: 1}
            """, [:])
        #expect(
            try fixture.errors() == [
                "viridian.yaml:3: clusters[0].nodes.nod: unknown key; known here: \(NodesConfiguration.keys.joined(separator: ", "))"
            ])
    }

    @Test("narrowed to a cluster, a configuration has its nodes and the apps that run there")
    func narrowed() throws {
        let configuration = try fixture(
            Self.two, ["blog": Self.app("blog", "cluster: east"), "shop": Self.app("shop", "cluster: west")]
        ).load()
        let west = configuration.narrowed(to: try configuration.cluster("west"))
        #expect(west.apps.map(\.name.text) == ["shop"])
        #expect(west.clusters.map(\.name) == ["west"])
        #expect(west.kubernetes.context == "west")
        guard case .kubernetes = west.nodes.inventory else { throw UnexpectedInventory() }
    }

    private struct UnexpectedInventory: Error {}

    @Test("a person who asks for a cluster that there is not is told which there are")
    func asked() throws {
        let several = try fixture(Fixture.main + Self.two, [:]).load()
        #expect(try several.cluster("default") == several.clusters[0])
        #expect(throws: UnknownCluster(name: "wset", known: ["default", "east", "west"])) {
            try several.cluster("wset")
        }
        #expect(
            UnknownCluster(name: "wset", known: ["default", "east", "west"]).description
                == #"no cluster "wset"; did you mean west? known clusters: default, east, west"#)
        #expect(
            UnknownCluster(name: "x\u{1B}", known: ["east", "west"]).description
                == #"no cluster "x\u{1B}"; known clusters: east, west"#)
        #expect(
            UnknownCluster(name: "west", known: ["default"]).description
                == #"no cluster "west": viridian.yaml has no `clusters`, so there is one cluster, without a name"#)
    }

    @Test("the configuration's text has the ssh_config of every cluster")
    func text() throws {
        let fixture = try fixture(
            """
            clusters:
              - {name: east, context: a, nodes: {inventory: kubernetes, ssh: {config: ssh/east}}}
              - {name: west, context: b, nodes: {inventory: kubernetes, ssh: {config: ssh/west}}}
            """, [:])
        for name in ["east", "west"] { try fixture.write(Data("Host *.\(name)\n".utf8), to: "ssh/\(name)") }
        let (_, text) = try Configuration.loadWithText(
            file: fixture.path("viridian.yaml"), environment: [:], workingDirectory: fixture.directory)
        #expect(text.files.map(\.path) == ["viridian.yaml", "ssh/east", "ssh/west"])
        #expect(text.files[2].text == "Host *.west\n")
    }
}
