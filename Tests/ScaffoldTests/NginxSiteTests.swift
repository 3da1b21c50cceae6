import Foundation
import Nginx
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

@Suite("what is rendered for nginx")
struct NginxSiteTests {
    @Test("nginx takes it without a warning, whatever the apps are", .needs("nginx"))
    func accepted() async throws {
        let apps = [
            try blog { $0.preview = "preview.blog.domain.com" },
            try www { $0.preview = "preview.www.domain.com:8443" },
            try AppConfiguration(
                app: "static-site", ports: .init(container: 80, blue: 30020, green: 30021), image: "r.local/s",
                hosts: ["*.static.domain.com"], preview: "preview.domain.com",
                artifact: .init(from: "s3://d/s/{version}.tgz", to: "/srv/assets")),
            try AppConfiguration(
                app: "php", ports: .init(container: 9000, blue: 30030, green: 30031), image: "r.local/php",
                protocol: .fastcgi, preview: "preview.php.domain.com",
                artifact: .init(from: "s3://d/s/{version}.tgz", to: "/srv/php")),
            try AppConfiguration(
                app: "by-hand", ports: .init(container: 9000, blue: 30040, green: 30041), image: "r.local/by-hand",
                protocol: .fastcgi, hosts: ["by-hand.domain.com"], preview: "preview.by-hand.domain.com",
                postDeploy: .init(command: "/sbin/deploy-by-hand")),
        ]
        try await withFolder { folder in
            let tested = try await NginxNode(apps, in: folder).nginx("-t")
            #expect(tested.succeeded, "\(tested.error)")
            #expect(!tested.error.contains("warn"), "\(tested.error)")
        }
    }

    @Test("an app without names is the default server; two are not rendered together")
    func nameless() throws {
        let apps = [try blog { $0.hosts = [] }, try www { $0.hosts = [] }]
        for what in [Rendering.nginx, .salt] {
            let error = #expect(throws: ScaffoldError.self) { try what.files(configuration(apps), apps: apps) }
            #expect(error?.description.contains("blog and www have no `hosts`") == true)
            #expect(throws: ScaffoldError.self) { try what.files(configuration(apps), apps: [apps[0]]) }
        }
        let one = try rendered(.nginx, configuration([apps[0]]))
        #expect(one.components(separatedBy: "default_server").count == 2)
        #expect(one.contains("Only one site can: give apps their `hosts`"))
        #expect(one.components(separatedBy: "location = /nginx-health").count == 2)
        // Also where another app is rendered by itself.
        let other = try Rendering.nginx.files(configuration([apps[0], try www()]), apps: [try www()])
        #expect(!other.contains { $0.text.contains("default_server") })
    }

    @Test("two apps with one name are not rendered, also where only their ports differ; others are")
    func sharedNames() throws {
        let apps = [
            try blog { $0.preview = "preview.domain.com:8080" }, try www { $0.preview = "preview.domain.com:8081" },
            try AppConfiguration(
                app: "shop", ports: .init(container: 80, blue: 30020, green: 30021), image: "r.local/s",
                hosts: ["shop.domain.com"]),
        ]
        for what in [Rendering.nginx, .salt] {
            let error = #expect(throws: ScaffoldError.self) { try what.files(configuration(apps), apps: [apps[1]]) }
            #expect(
                error?.description.contains("blog and www both have preview.domain.com") == true,
                "\(String(describing: error))")
            #expect(throws: Never.self) { try what.files(configuration(apps), apps: [apps[2]]) }
        }
        let own = try blog { $0.preview = "blog.domain.com:8080" }
        let error = #expect(throws: ScaffoldError.self) {
            try Rendering.nginx.files(configuration([own]), apps: [own])
        }
        #expect(error?.description.contains("blog has blog.domain.com twice") == true, "\(String(describing: error))")
    }

    @Test("nginx believes the balancer's networks alone, where they are configured")
    func balancer() throws {
        var known = configuration([try blog()])
        func believed() throws -> [String] {
            lines(try rendered(.nginx, known)).filter { $0.hasPrefix("set_real_ip_from ") }
        }
        #expect(
            try believed() == [
                "set_real_ip_from 10.0.0.0/8;", "set_real_ip_from 172.16.0.0/12;", "set_real_ip_from 192.168.0.0/16;",
            ])
        #expect(try rendered(.nginx, known).contains("can say that it is anybody"))
        known.nodes.balancer = ["10.0.3.0/24", "2001:db8::/64"]
        #expect(try believed() == ["set_real_ip_from 10.0.3.0/24;", "set_real_ip_from 2001:db8::/64;"])
        #expect(try !rendered(.nginx, known).contains("can say that it is anybody"))
    }

    @Test("what all apps share is rendered once, and read before what uses it")
    func shared() throws {
        let files = try Rendering.nginx.files(configuration([try blog(), try www()]), apps: [try blog(), try www()])
        let hosts = files.map(\.path).filter { $0.contains("conf.d") }
        #expect(
            hosts.sorted() == [
                "etc/nginx/conf.d/00-viridian.conf", "etc/nginx/conf.d/blog.conf", "etc/nginx/conf.d/www.conf",
            ])
        for once in ["log_format", "real_ip_header", "default_server;"] {
            #expect(files.filter { lines($0.text).contains { $0.contains(once) } }.count == 1, "\(once)")
        }
    }

    @Test("HTTP and FastCGI redirect by the same rule")
    func redirect() throws {
        for app in [try blog(), try www()] {
            let text = try rendered(.nginx, configuration([app]))
            #expect(text.contains("if ($http_x_forwarded_proto != \"https\") {"))
            #expect(text.components(separatedBy: "if ($http_x_forwarded_proto").count == 2)
        }
    }

    @Test("only where releases leave several versions on a node does nginx look for others")
    func versions() throws {
        let plain = try rendered(.nginx, configuration([try blog()]))
        #expect(!plain.contains("location @"))
        let byHand = try rendered(.nginx, configuration([try blog { $0.postDeploy = .init(command: "/sbin/x") }]))
        #expect(byHand.contains("root /srv/blog/current/public;") && !byHand.contains("location @"))
        let artifact = try blog { $0.artifact = .init(from: "s3://d/b/{version}.tgz", to: "/srv/files") }
        let all = try rendered(.nginx, configuration([artifact]))
        #expect(all.contains("root /srv/files/current/public;"))
        #expect(all.contains("root /srv/files/candidate/public;") && all.contains("root /srv/files/previous/public;"))
    }

    @Test("the preview goes to the colour that is not live, before and after a switch")
    func preview() throws {
        let app = try www { $0.preview = "preview.www.domain.com" }
        let files = try Rendering.nginx.files(configuration([app]), apps: [app])
        let upstream = try #require(files.first { $0.path.contains("backends.d") })
        let file = try UpstreamFile(parsing: upstream.text)
        let ports = PortPair(blue: 30010, green: 30011)
        #expect(try file.routing(of: "wwwLB-preview", ports: ports) == .only(30011))
        let switched = try file.switching("wwwLB", up: 30011, down: 30010)
        #expect(try switched.routing(of: "wwwLB", ports: ports) == .only(30011))
        #expect(try switched.routing(of: "wwwLB-preview", ports: ports) == .only(30010))
        #expect(try switched.switching("wwwLB", up: 30010, down: 30011) == file)
        let hosts = try #require(files.first { $0.path.hasSuffix("conf.d/www.conf") }).text
        #expect(hosts.contains("server_name preview.www.domain.com;"))
        #expect(hosts.contains("proxy_pass http://wwwLB-preview;"))
        #expect(hosts.contains("server_name www.domain.com domain.com;"))
    }
}
