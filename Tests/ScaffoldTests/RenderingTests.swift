import Foundation
import Nginx
import Processes
import Scaffold
import Testing
import ViridianConfiguration

@Suite("rendering")
struct RenderingTests {
    // MARK: - nginx

    @Test("nginx takes what is rendered for it, whatever the apps are")
    func nginx() async throws {
        let apps = [
            try blog { $0.preview = "preview.blog.domain.com" }, try www { $0.preview = "preview.www.domain.com" },
            try AppConfiguration(
                app: "static-site", ports: .init(container: 80, blue: 30020, green: 30021), image: "r.local/s",
                hosts: ["*.static.domain.com"], artifact: .init(from: "s3://d/s/{version}.tgz", to: "/srv/assets")),
        ]
        try await withFolder { folder in
            let backends = "\(folder)/backends.d"
            let files = try Rendering.nginx.files(configuration(apps, backends: backends), apps: apps)
            for file in files {
                let path = "/\(file.path)".hasPrefix(backends) ? "/\(file.path)" : "\(folder)/\(file.path)"
                let text = file.text.replacing("/var/log/nginx", with: folder)
                    .replacing("include fastcgi_params;", with: "")
                    .replacing("listen 80;", with: "listen unix:\(folder)/nginx.sock;")
                try write(text, to: path)
            }
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
                """, to: "\(folder)/nginx.conf")
            let program = Executable.find("nginx") ?? "/usr/sbin/nginx"
            let tested = try await Command(program, ["-t", "-p", folder, "-c", "\(folder)/nginx.conf"])
                .run(deadline: .seconds(30))
            #expect(tested.succeeded, "\(tested.error)")
            #expect(!tested.error.contains("warn"), "\(tested.error)")
        }
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
                "[\"\"] [events] [list, watch]",
                "[autoscaling] [horizontalpodautoscalers] [list, create, delete]",
            ])
        #expect(!text.contains("ClusterRole"))
        #expect(text.contains("kind: ServiceAccount\nmetadata:\n  name: viridian\n  namespace: blog\n"))
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
        "terraform finds nothing to mend in the format of its module",
        .enabled(if: terraformProgram != nil, "no terraform on PATH"))
    func terraform() async throws {
        let all = configuration(
            [try blog { $0.preview = "preview.blog.domain.com" }, try www()],
            inventory: .ec2(.init(region: "eu-west-1", tags: ["role": "kubernetes-node", "Environment": "a\"${b}"])))
        let text = try rendered(.terraform, all)
        #expect(text.contains("region = \"eu-west-1\""))
        #expect(text.contains("\"Environment\" = \"a\\\"$${b}\""))
        #expect(text.contains("\"preview.blog.domain.com\","))
        let formatted = try await Command("terraform", ["fmt", "-check", "-diff", "-"], input: text)
            .run(deadline: .seconds(60))
        #expect(formatted.succeeded, "\(formatted.output)\(formatted.error)")
        let bare = try blog { $0.hosts = [] }
        #expect(throws: ScaffoldError.self) { try rendered(.terraform, configuration([bare])) }
    }

    @Test("pipelines release through the API of the server that is configured, and show no token")
    func pipelines() throws {
        let server = ServerConfiguration(url: URL(string: "https://deploy.domain.com"))
        for what in [Rendering.jenkins, .gitlab] {
            let text = try rendered(what, configuration([try blog()], server: server))
            #expect(text.contains("https://deploy.domain.com/api/v1/apps/blog/releases"))
            #expect(text.contains("curl -fsS -K -"))
            #expect(text.contains("Idempotency-Key"))
            #expect(text.contains("registry.local:5000/blog"))
            #expect(!text.contains("curl -fsS -H 'Authorization"))
        }
        let manifest = try rendered(.slackManifest, configuration([try blog()], server: server))
        #expect(manifest.contains("https://deploy.domain.com/slack/commands"))
        #expect(manifest.contains("https://deploy.domain.com/slack/actions"))
        #expect(throws: ScaffoldError.self) { try rendered(.slackManifest, configuration([try blog()])) }
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
