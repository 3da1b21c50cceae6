import Foundation
import HTTPTransport
import Kubernetes
import Nginx
import Processes
import TestSupport
import Testing

extension RealNodesTests {
    @Suite(.enabled(Comment(rawValue: Python.reason)) { await Python.isThere })
    struct AWSTests {
        private static func address(_ node: Int) -> String { "127.0.1.\(node)" }

        // MARK: - EC2

        @Test("a hundred nodes, found by their tags, are switched together, and no other machine is used")
        func hundred() async throws {
            let found = Array(RealNodes.first..<RealNodes.first + 100)
            let (stopped, foreign) = (RealNodes.first + 100, RealNodes.first + 101)
            let stock = RealNodesAWS.Stock(
                nodes: found.map(Self.address), stopped: [Self.address(stopped)], others: [Self.address(foreign)])
            try await RealNodesAWS.with(stock) { aws in
                try await withRealNodes(102, inventory: aws.inventory) { world, nodes in
                    try aws.signIn(world)
                    let before = try nodes.numbers.map { try nodes.text($0) }
                    try await world.release("v1")
                    #expect(await aws.pages.starts(with: [30, 30, 30, 10]))
                    let (said, watched) = try await world.watched { try await world.deploy("v2") }
                    #expect(said.status == 0, "\(said)")
                    watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                    let switching = try await world.switching(2)
                    #expect(switching.nodes == Set(found.map(Self.address)))
                    print(
                        "100 nodes by EC2 tags, a release: \(said.took.formatted(.units(fractionalPart: .show(length: 1)))),",
                        "all switched within \(switching.took.formatted(.number.precision(.fractionLength(3)))) s")

                    let (blue, green) = (world.ports.blue, world.ports.green)
                    for (node, text) in zip(found, before) {
                        #expect(
                            try nodes.text(node)
                                == text.replacing("\(green) max_fails=0 down", with: "\(green) max_fails=0")
                                .replacing("\(blue) max_fails=0;", with: "\(blue) max_fails=0 down;"))
                        #expect(try await fetch("http://" + Self.address(node)).hasPrefix("v2 green "))
                    }
                    for (node, text) in [(stopped, before[100]), (foreign, before[101])] {
                        #expect(try nodes.text(node) == text)
                        let state = nodes.directory(node) + "/etc/nginx/backends.d/.viridian"
                        #expect(!FileManager.default.fileExists(atPath: state), "\(node)")
                    }

                    // One node drifts, one does not answer, and 98 are ok.
                    let (drifted, silent) = (found[10], found[99])
                    try nodes.write(before[10], to: "backends.d/blog.conf", of: drifted)
                    try await nodes.reload(drifted)
                    try nodes.freeze(silent)
                    let isLoaded = try await eventually {
                        try await !fetch("http://" + Self.address(drifted)).hasPrefix("v2")
                    }
                    #expect(isLoaded)
                    var routes = try await world.routes()
                    #expect(routes.count == 100)
                    #expect(routes[Self.address(drifted)]?["state"] == "drifted")
                    #expect(routes[Self.address(drifted)]?["color"] == "blue")
                    #expect(routes[Self.address(silent)]?["state"] == "unreachable")
                    #expect(routes.values.filter { $0["state"] == "ok" && $0["color"] == "green" }.count == 98)
                    try nodes.thaw(silent)
                    let repaired = try await world.viridian("repair", "blog")
                    #expect(repaired.status == 0, "\(repaired)")
                    routes = try await world.routes()
                    #expect(routes.values.filter { $0["state"] == "ok" && $0["color"] == "green" }.count == 100)

                    try aws.signIn(world, secret: "guessed")
                    let refused = try await world.deploy("v3")
                    #expect(refused.status == 1 || refused.status == 2, "\(refused)")
                    #expect(
                        (refused.output + refused.error).contains(
                            "does not accept the credentials (access key \(aws.key)"),
                        "\(refused)")
                    #expect(try await world.served() == ["v2", "v2", "v2"])
                }
            }
        }

        // MARK: - S3

        @Test("nodes without credentials fetch assets from S3; the assets follow the upstream forward and back")
        func assets() async throws {
            try await withArchives { stock in
                try await RealNodesAWS.with(stock) { aws in
                    try await withRealNodes(3) { world, nodes in
                        try aws.signIn(world)
                        try await world.serveAssets(of: nodes)
                        defer { nodes.removeAssets() }
                        try await world.release("v1")
                        #expect(try await world.assets() == ["v1", "v1", "v1"])
                        try await world.release("v2")
                        #expect(try await world.assets() == ["v2", "v2", "v2"])
                        let whole = nodes.numbers.map { _ in
                            RealNodes.Assets(current: "releases/v2", releases: ["v1", "v2"])
                        }
                        #expect(nodes.assets == whole)
                        // Pages that were loaded before still find their assets.
                        for node in nodes.numbers { #expect(try nodes.asset("releases/v1/css/page.css", node) == "v1") }
                        // Each node has fetched each archive once.
                        let all = ["v1", "v1", "v1", "v2", "v2", "v2"].map { "/domain-deploy/blog/./\($0).tgz" }
                        let isFetched = try await eventually { await aws.fetched == all }
                        let fetched = await aws.fetched
                        #expect(isFetched, "\(fetched)")

                        for (version, words) in [
                            ("v3", "s3://domain-deploy/blog/./v3.tgz does not exist"),
                            ("v4", "cannot be unpacked: gzip: stdin: unexpected end of file"),
                            (
                                "v5",
                                "status 403 for s3://domain-deploy/blog/./v5.tgz: it does not exist, or these "
                                    + "credentials may not read it"
                            ),
                        ] {
                            let (said, watched) = try await world.watched { try await world.deploy(version) }
                            #expect(said.status == 2, "\(said)")
                            #expect(said.output.contains(words), "\(said)")
                            #expect(said.output.contains("X-Amz") == false)
                            watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                            #expect(watched.versions.keys.sorted() == ["v2"])
                            #expect(nodes.assets == whole, "\(version)")
                            #expect(try await world.assets() == ["v2", "v2", "v2"])
                            #expect(try await world.workloads() == ["blog-green"])
                            if version == "v4" {
                                for address in nodes.addresses {
                                    let early = "[\(address)] out: cannot be staged yet: the artifact is not in place"
                                    #expect(said.output.contains(early), "\(said)")
                                }
                            }
                        }

                        let back = try await world.viridian("rollback", "blog")
                        #expect(back.status == 0, "\(back)")
                        #expect(try await world.assets() == ["v1", "v1", "v1"])
                        #expect(try await world.served() == ["v1", "v1", "v1"])
                        #expect(nodes.assets.allSatisfy { $0.current == "releases/v1" && $0.releases == ["v1", "v2"] })
                        // The journal contains no usable URL.
                        let journal = try Data(contentsOf: URL(fileURLWithPath: world.journal))
                        #expect(journal.range(of: Data("X-Amz-Signature".utf8)) == nil)
                        #expect(await aws.fetched.allSatisfy { $0 != nil })
                    }
                }
            }
        }

        /// Two valid archives, a truncated one, and one without read access. Their keys need a literal path.
        private func withArchives(
            _ body: (RealNodesAWS.Stock) async throws -> Void
        ) async throws {
            let directory = FileManager.default.temporaryDirectory.path + "/viridian-archives-" + UUID().uuidString
            defer { try? FileManager.default.removeItem(atPath: directory) }
            var stock = RealNodesAWS.Stock()
            for version in ["v1", "v2", "v4", "v5"] {
                let content = "\(directory)/\(version)/css"
                try FileManager.default.createDirectory(atPath: content, withIntermediateDirectories: true)
                try Data(version.utf8).write(to: URL(fileURLWithPath: content + "/page.css"))
                let file = "\(directory)/\(version).tgz"
                let packed = try await Command("tar", ["-czf", file, "-C", "\(directory)/\(version)", "."]).run()
                try #require(packed.succeeded, "\(packed.error)")
                if version == "v4" {
                    let whole = try Data(contentsOf: URL(fileURLWithPath: file))
                    try whole.dropLast(20).write(to: URL(fileURLWithPath: file))
                }
                stock.objects["blog/./\(version).tgz"] = file
            }
            stock.denied = ["blog/./v5.tgz"]
            try await body(stock)
        }
    }
}

extension World {
    /// The time from the candidate's last check to the last node's switch, from the journal.
    fileprivate func switching(_ number: Int) async throws -> (nodes: Set<String>, took: TimeInterval) {
        let events = try await viridian("logs", "blog/\(number)", "-o", "json").jsonLines
        func date(_ event: JSON) throws -> Date {
            try Date(event["at"]?.string ?? "", strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        }
        let start = try date(try #require(events.first { $0[at: "event.type"] == "candidateConfirmed" }))
        let switched = events.filter { $0[at: "event.type"] == "nodeSwitched" }
        let end = try date(try #require(switched.last))
        return (Set(switched.compactMap { $0[at: "event.node"]?.string }), end.timeIntervalSince(start))
    }

    /// Configures assets in S3 for the app, and the nodes to serve them.
    fileprivate func serveAssets(of nodes: RealNodes) async throws {
        nodes.removeAssets()
        var app = App(drain: "{least: 1s, most: 20s}")
        app.more = "artifact: {from: \"s3://domain-deploy/blog/./{version}.tgz\", to: /srv/blog, keep: 2}"
        try write(app)
        for (node, address) in zip(nodes.numbers, nodes.addresses) {
            try nodes.write(
                """
                include /etc/nginx/backends.d/blog.conf;
                server {
                    listen \(address):80;
                    server_name \(address);
                    location / { proxy_pass http://blogLB; }
                    location /css/ { root /srv/blog/current; }
                }

                """,
                to: "sites-enabled/viridian-test",
                of: node)
            try await nodes.reload(node)
        }
        let isLoaded = try await eventually { try await assets().allSatisfy { $0 == "status 404" } }
        try #require(isLoaded)
    }

    fileprivate func assets() async throws -> [String] {
        var answers: [String] = []
        for site in sites { answers.append(try await fetch(site, "/css/page.css")) }
        return answers
    }
}

extension RealNodes {
    fileprivate struct Assets: Sendable, Equatable {
        var current: String?
        /// All names in the directory of releases, hidden ones included.
        var releases: [String]
    }

    private func assets(_ node: Int) -> String { directory(node) + "/srv/blog" }

    fileprivate var assets: [Assets] {
        numbers.map { node in
            let files = FileManager.default
            return Assets(
                current: try? files.destinationOfSymbolicLink(atPath: assets(node) + "/current"),
                releases: (try? files.contentsOfDirectory(atPath: assets(node) + "/releases"))?.sorted() ?? [])
        }
    }

    fileprivate func asset(_ name: String, _ node: Int) throws -> String {
        try String(contentsOfFile: assets(node) + "/" + name, encoding: .utf8)
    }

    fileprivate func removeAssets() {
        for node in numbers { try? FileManager.default.removeItem(atPath: assets(node)) }
    }
}
