import Foundation
import Nginx
import Processes
import Scaffold
import Testing
import TextTemplates
import ViridianConfiguration

@Suite("rendering")
struct RenderingTests {
    // MARK: - nginx

    /// What is rendered for nginx as it would lie on a machine, below `folder`; the path of the main file.
    private func site(_ apps: [AppConfiguration], in folder: String) throws -> String {
        let backends = "\(folder)/backends.d"
        for file in try Rendering.nginx.files(configuration(apps, backends: backends), apps: apps) {
            let path = "/\(file.path)".hasPrefix(backends) ? "/\(file.path)" : "\(folder)/\(file.path)"
            let text = file.text.replacing("/var/log/nginx", with: folder)
                .replacing("include fastcgi_params;", with: "")
                .replacing("listen 80;", with: "listen unix:\(folder)/nginx.sock;")
            try write(text, to: path)
        }
        let main = "\(folder)/nginx.conf"
        try write(
            """
            pid \(folder)/nginx.pid;
            error_log \(folder)/error.log;
            events {}
            http {
                client_body_temp_path \(folder)/t1; proxy_temp_path \(folder)/t2; fastcgi_temp_path \(folder)/t3;
                uwsgi_temp_path \(folder)/t4; scgi_temp_path \(folder)/t5;
                server_names_hash_bucket_size 128;
                include \(folder)/etc/nginx/conf.d/*.conf;
            }
            """, to: main)
        return main
    }

    private func nginx(_ words: String..., main: String) async throws -> Completed {
        let program = Executable.find("nginx") ?? "/usr/sbin/nginx"
        return try await Command(program, ["-p", (main as NSString).deletingLastPathComponent, "-c", main] + words)
            .run(deadline: .seconds(30))
    }

    @Test("nginx takes what is rendered for it, whatever the apps are")
    func nginx() async throws {
        let apps = [
            try blog { $0.preview = "preview.blog.domain.com" }, try www { $0.preview = "preview.www.domain.com" },
            try AppConfiguration(
                app: "static-site", ports: .init(container: 80, blue: 30020, green: 30021), image: "r.local/s",
                hosts: ["*.static.domain.com"], artifact: .init(from: "s3://d/s/{version}.tgz", to: "/srv/assets")),
            try AppConfiguration(
                app: "php", ports: .init(container: 9000, blue: 30030, green: 30031), image: "r.local/php",
                protocol: .fastcgi, artifact: .init(from: "s3://d/s/{version}.tgz", to: "/srv/php")),
        ]
        try await withFolder { folder in
            let tested = try await nginx("-t", main: try site(apps, in: folder))
            #expect(tested.succeeded, "\(tested.error)")
            #expect(!tested.error.contains("warn"), "\(tested.error)")
        }
    }

    @Test("a fastcgi app whose files are in its containers only gets every request, its pages and its .php files")
    func fastCGIWithoutFiles() async throws {
        try await withFolder { folder in
            let main = try site([try blog()], in: folder)
            let started = try await nginx(main: main)
            try #require(started.succeeded, "\(started.error)")
            for path in ["/", "/articles/1?x=1", "/index.php", "/style.css"] {
                let asked = try await Command(
                    "curl",
                    [
                        "-s", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", "\(folder)/nginx.sock", "-H",
                        "X-Forwarded-Proto: https", "-H", "Host: blog.domain.com", "http://blog.domain.com\(path)",
                    ]
                ).run(deadline: .seconds(30))
                // Nobody listens on the app's port: nginx asked it, and did not look for a file.
                #expect(asked.output == "502", "\(path): \(asked.output)")
            }
            let log = try String(contentsOfFile: "\(folder)/blog.error.log", encoding: .utf8)
            #expect(log.contains("fastcgi://127.0.0.1:30000"), "\(log)")
            _ = try await nginx("-s", "stop", main: main)
        }
    }

    @Test("two apps without names are not rendered together, and one says that it answers every name")
    func nameless() throws {
        let apps = [try blog { $0.hosts = [] }, try www { $0.hosts = [] }]
        for what in [Rendering.nginx, .salt] {
            let error = #expect(throws: ScaffoldError.self) { try what.files(configuration(apps), apps: apps) }
            #expect(error?.description.contains("blog and www have no `hosts`") == true)
        }
        let one = try rendered(.nginx, configuration([apps[0]]))
        #expect(one.contains("server_name _;") && one.contains("Only one site can: give apps their `hosts`"))
    }

    @Test("a preview's comment speaks of static files only where there are any")
    func previewComment() throws {
        let app = try www { $0.preview = "preview.www.domain.com" }
        #expect(try rendered(.nginx, configuration([app])).contains("Static files") == false)
        let files = try www {
            $0.preview = "preview.www.domain.com"
            $0.artifact = .init(from: "s3://d/s/{version}.tgz", to: "/srv/www")
        }
        #expect(try rendered(.nginx, configuration([files])).contains("Static files are\n# those"))
    }

    @Test("the preview goes to the colour that is not live, before and after a switch")
    func preview() throws {
        let app = try www { $0.preview = "preview.www.domain.com" }
        let files = try Rendering.nginx.files(configuration([app]), apps: [app])
        let file = try UpstreamFile(parsing: try #require(files.first).text)
        let ports = PortPair(blue: 30010, green: 30011)
        #expect(try file.routing(of: "wwwLB-preview", ports: ports) == .only(30011))
        let switched = try file.switching("wwwLB", up: 30011, down: 30010)
        #expect(try switched.routing(of: "wwwLB", ports: ports) == .only(30011))
        #expect(try switched.routing(of: "wwwLB-preview", ports: ports) == .only(30010))
        #expect(try switched.switching("wwwLB", up: 30010, down: 30011) == file)
        let hosts = try #require(files.last).text
        #expect(hosts.contains("server_name preview.www.domain.com;"))
        #expect(hosts.contains("proxy_pass http://wwwLB-preview;"))
        #expect(hosts.contains("server_name www.domain.com domain.com;"))
    }

    // MARK: - Kubernetes

    @Test(
        "every app gets its namespace, services and rights, and names are quoted where YAML would read something else")
    func severalApps() throws {
        let odd = try AppConfiguration(
            app: "on", namespace: "123", ports: .init(container: 80, blue: 30020, green: 30021), image: "r.local/on")
        let all = configuration([try blog(), odd])
        let text = try rendered(.kubernetes, all)
        #expect(text.components(separatedBy: "---\n").count == 6)
        #expect(text.contains("kind: Namespace\nmetadata:\n  name: \"123\"\n"))
        #expect(text.contains("  namespace: \"123\"\n"))
        #expect(text.contains("name: on-blue\n"))
    }

    /// `group/resource: verbs` of each rule.
    private func rules(_ text: String) -> [String] {
        text.split(separator: "- apiGroups: ").dropFirst().map { rule in
            let lines = rule.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            func value(_ key: String) -> String {
                lines.first { $0.hasPrefix(key) }.map { String($0.dropFirst(key.count)) } ?? "?"
            }
            return "\(lines[0]) \(value("resources: ")) \(value("verbs: "))"
        }
    }

    @Test("the role holds what a release asks of the API, and no more")
    func rights() throws {
        let text = try rendered(.rbac, configuration([try blog()]))
        #expect(
            rules(text) == [
                "[coordination.k8s.io] [leases] [get, create, update]", "[\"\"] [services] [get, create]",
                "[\"\"] [replicationcontrollers] [get, list, watch, create, patch, delete]",
                "[\"\"] [pods] [list, watch]", "[\"\"] [pods] [delete]", "[\"\"] [pods/log] [get]",
                "[\"\"] [events] [list, watch]", "[\"\"] [persistentvolumeclaims] [get]",
                "[autoscaling] [horizontalpodautoscalers] [list, create, delete]",
            ])
        #expect(!text.contains("ClusterRole"))
        // It is the same one whichever apps there are, and says how to get at a token.
        let account = "kind: ServiceAccount\nmetadata:\n  name: viridian\n  namespace: viridian\n"
        #expect(text.contains(account))
        #expect(try rendered(.rbac, configuration([try blog(), try www()])).contains(account))
        #expect(text.contains("kubectl create token viridian --namespace viridian"))
        let deployment = try rendered(.rbac, configuration([try blog { $0.workload = .deployment }]))
        #expect(rules(deployment).contains("[apps] [deployments] [get, list, watch, create, patch, delete]"))
        #expect(!deployment.contains("replicationcontrollers"))
    }

    @Test("only where the cluster is the inventory may the account list its nodes")
    func nodes() throws {
        let all = configuration([try blog(), try www()], inventory: .kubernetes(.init(selector: "role=web")))
        let text = try rendered(.rbac, all)
        #expect(text.contains("kind: ClusterRole\n"))
        #expect(rules(text).last == "[\"\"] [nodes] [list]")
        // One account for both namespaces, in neither of them.
        #expect(text.components(separatedBy: "kind: ServiceAccount\nmetadata:").count == 2)
        #expect(text.components(separatedBy: "  name: viridian\n  namespace: viridian\n").count == 5)
    }

    // MARK: - Others

    private static let terraformProgram = Executable.find("terraform")

    @Test(
        "terraform finds nothing to fix in the format of its module",
        .enabled(if: terraformProgram != nil, "no terraform on PATH"))
    func terraform() async throws {
        let all = configuration(
            [try blog { $0.preview = "preview.blog.domain.com" }, try www()],
            inventory: .ec2(.init(region: "eu-west-1", tags: ["role": "kubernetes-node", "Environment": "a\"${b}"])))
        let text = try rendered(.terraform, all)
        #expect(text.contains("region = \"eu-west-1\""))
        #expect(text.contains("\"Environment\" = \"a\\\"$${b}\""))
        #expect(text.contains("\"preview.blog.domain.com\","))
        #expect(text.contains("source  = \"hashicorp/aws\""))
        #expect(text.contains("ec2:DescribeInstances") && !text.contains("s3:GetObject"))
        #expect(!text.contains("nobody the NodePorts"))
        let objects = try blog { $0.artifact = .init(from: "s3://deploy/{app}/{version}.tgz", to: "/srv/blog") }
        let elsewhere = try rendered(.terraform, configuration([objects]))
        #expect(elsewhere.contains("\"arn:aws:s3:::deploy/blog/*\",") && !elsewhere.contains("ec2:DescribeInstances"))
        // What nobody has configured is asked for.
        #expect(elsewhere.contains("variable \"node_tags\"") && !elsewhere.contains("us-east-1"))
        for text in [text, elsewhere, try rendered(.terraform, configuration([try www()]))] {
            let formatted = try await Command("terraform", ["fmt", "-check", "-diff", "-"], input: text)
                .run(deadline: .seconds(60))
            #expect(formatted.succeeded, "\(formatted.output)\(formatted.error)")
        }
        let bare = try blog { $0.hosts = [] }
        #expect(throws: ScaffoldError.self) { try rendered(.terraform, configuration([bare])) }
    }

    @Test(
        "everything is rendered for one app and for several, each file with a path of its own",
        arguments: Rendering.allCases)
    func all(what: Rendering) throws {
        let server = ServerConfiguration(url: URL(string: "https://deploy.domain.com"))
        for apps in [[try blog()], [try blog(), try www()]] {
            let files = try what.files(configuration(apps, server: server), apps: apps)
            #expect(!files.isEmpty)
            #expect(Set(files.map(\.path)).count == files.count)
            #expect(files.allSatisfy { $0.text.hasSuffix("\n") && !$0.path.hasPrefix("/") })
        }
    }

    @Test("containers are told how to end, and php-fpm to answer the probe")
    func containers() throws {
        let fastCGI = try rendered(.dockerfile, configuration([try blog()]))
        #expect(fastCGI.contains("STOPSIGNAL SIGQUIT"))
        #expect(fastCGI.contains("ping.path = /ping"))
        #expect(fastCGI.contains("EXPOSE 9000"))
        let compose = try rendered(.compose, configuration([try blog()]))
        #expect(compose.contains("127.0.0.1:30000:9000"))
        #expect(compose.contains("redis:"))
        // What CI tests is the image that it has built, without the developer's files.
        #expect(compose.components(separatedBy: "image: \"registry.local:5000/blog:${VERSION:-dev}\"").count == 3)
        #expect(compose.components(separatedBy: "- .:/code").count == 2)
    }
}

@Suite("new apps")
struct NewAppTests {
    @Test("ports go up in tens, past every pair of which an app has a port")
    func ports() throws {
        #expect(try PortPlan.next(after: []) == (30000, 30001))
        #expect(try PortPlan.next(after: [try blog()]) == (30010, 30011))
        #expect(try PortPlan.next(after: [try www()]) == (30000, 30001))
        let crossing = try www { $0.ports = .init(container: 80, blue: 30015, green: 30011) }
        #expect(try PortPlan.next(after: [try blog(), crossing]) == (30020, 30021))
        let every = try stride(from: 30000, to: 32767, by: 10).map { port in
            try www { $0.ports = .init(container: 80, blue: port, green: port + 1) }
        }
        #expect(throws: ScaffoldError.self) { try PortPlan.next(after: every) }
        #expect(try PortPlan.next(after: every.dropLast()) == (32760, 32761))
    }

    @Test("the file of a new app is read as what it was made from", arguments: ["shop", "on", "x-1"])
    func file(name: String) async throws {
        try await withFolder { folder in
            try write("nodes: {inventory: static, static: [10.0.0.1]}\n", to: "\(folder)/viridian.yaml")
            let text = AppFile(
                name: name, image: "registry.local:5000/\(name)", container: 8080, blue: 30010, green: 30011,
                hosts: ["shop.domain.com", "*.shop.domain.com"]
            ).text
            try write(text, to: "\(folder)/apps/\(name).yaml")
            let read = try Configuration.load(
                file: "\(folder)/viridian.yaml", environment: [:], workingDirectory: folder)
            let app = try read.app(name)
            #expect(app.ports == .init(container: 8080, blue: 30010, green: 30011))
            #expect(app.image.name == "registry.local:5000/\(name)")
            #expect(app.hosts == ["shop.domain.com", "*.shop.domain.com"])
        }
    }
}
