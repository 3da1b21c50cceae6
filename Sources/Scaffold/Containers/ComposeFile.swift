import TextTemplates
import ViridianConfiguration

/// The apps on a developer's machine, as Docker Compose runs them.
struct ComposeFile: TemplateValues {
    static let template = TextTemplate(PackageResources.compose_yaml_mustache)

    /// `blog and www`
    let names: String
    let services: [Service]
    /// Before apps that a browser cannot ask; `nil` where there is none.
    let nginx: Nginx?
    let redis: Bool

    struct Service {
        let app: String
        let name: String
        /// The name of the service that runs the image's tests.
        let test: String
        /// Where its Dockerfile and its sources are.
        let folder: String
        /// With the version that a pipeline has built; a developer's has none.
        let image: String
        let fastcgi: Bool
        /// Its port on the developer's machine, where a browser finds it.
        let blue: Int
        let container: Int
    }

    struct Nginx {
        /// The directory of upstream files that virtual hosts name.
        let backends: String
        let staticFiles: [StaticFiles]
    }

    struct StaticFiles {
        let here: String
        let onNode: String
    }

    init(_ apps: [AppConfiguration], backends: String, redis: Bool) {
        let folder = { (app: AppConfiguration) in apps.count == 1 ? "." : "./\(app.name)" }
        names = apps.map(\.name.text).joined(separator: " and ")
        services = apps.map { app in
            Service(
                app: app.name.text, name: yaml(app.name.text), test: yaml("\(app.name)-test"), folder: folder(app),
                image: yaml("\(app.image):${VERSION:-dev}"), fastcgi: app.protocol == .fastcgi, blue: app.ports.blue,
                container: app.ports.container)
        }
        let behindNginx = apps.filter { $0.protocol == .fastcgi }
        nginx =
            behindNginx.isEmpty
            ? nil
            : Nginx(
                backends: backends,
                staticFiles: behindNginx.compactMap { app in
                    VirtualHosts(of: app, upstreamFile: "").servers[0].staticFiles.map {
                        StaticFiles(here: "\(folder(app))/public", onNode: $0)
                    }
                })
        self.redis = redis
    }
}

extension ComposeFile {
    private var serviceNames: [String] {
        services.flatMap { [$0.app, "\($0.app)-test"] } + (nginx == nil ? [] : ["nginx"]) + (redis ? ["redis"] : [])
    }

    /// The file, and what it mounts.
    /// - Throws: `ScaffoldError` where nginx could not tell the apps' sites apart.
    static func files(
        _ configuration: Configuration, apps: [AppConfiguration], hasRedis: Bool
    ) throws(ScaffoldError) -> [RenderedFile] {
        let file = ComposeFile(apps, backends: configuration.nodes.backendsOnNode, redis: hasRedis)
        let names = Dictionary(grouping: file.serviceNames) { $0 }
        if let twice = names.filter({ $1.count > 1 }).keys.min() {
            throw ScaffoldError(
                "the compose file would have two services called \(twice). To fix: render each app into a folder of its own"
                    + (twice == "redis" ? ", or use --no-redis" : ""))
        }
        return [RenderedFile(path: "compose.yaml", text: file.text)]
            + (try ComposeNginx.files(configuration, apps: apps.filter { $0.protocol == .fastcgi }))
    }
}

/// What nginx of the compose file reads: the virtual hosts of production, and stand-ins for what is not on a developer's machine.
enum ComposeNginx {
    private static let folder = "compose/nginx"

    /// For apps that a browser cannot ask directly.
    /// - Throws: `ScaffoldError` where nginx could not tell the apps' sites apart.
    static func files(_ configuration: Configuration, apps: [AppConfiguration]) throws(ScaffoldError) -> [RenderedFile]
    {
        guard !apps.isEmpty else { return [] }
        var here = configuration
        // That of production does not call here.
        here.nodes.balancer = []
        here.apps = apps.map { app in
            // There is one colour here, and nothing to preview.
            var app = app
            app.preview = nil
            return app
        }
        let hosts = try NginxSite.files(here, apps: here.apps).filter { $0.path.hasPrefix("etc/nginx/conf.d/") }
        return hosts.map { file in
            RenderedFile(
                path: "\(folder)/" + file.path.dropFirst("etc/nginx/".count),
                text: file.text.replacing("APPLICATION_ENV production;", with: "APPLICATION_ENV development;"))
        } + [
            RenderedFile(path: "\(folder)/conf.d/load-balancer.conf", text: ComposeLoadBalancer(apps).text)
        ]
            + apps.map { app in
                RenderedFile(path: "\(folder)/backends.d/\(app.name).conf", text: ComposeUpstream(app).text)
            }
    }
}

/// Instead of the balancer: a port for each app.
struct ComposeLoadBalancer: TemplateValues {
    static let template = TextTemplate(PackageResources.compose_load_balancer_conf_mustache)

    let sites: [Site]

    struct Site {
        /// The same on the developer's machine and in the container.
        let port: Int
        /// The name that the virtual host answers to.
        let host: String
        /// A name in the app's redirects that leads to production.
        let redirected: [String]
    }

    init(_ apps: [AppConfiguration]) {
        sites = apps.map { app in
            Site(port: app.ports.blue, host: app.hosts.first ?? "$http_host", redirected: app.hosts)
        }
    }
}

/// Instead of the file that releases edit: the app's one container.
struct ComposeUpstream: TemplateValues {
    static let template = TextTemplate(PackageResources.compose_upstream_conf_mustache)

    let app: String
    let upstream: String
    let port: Int

    init(_ app: AppConfiguration) {
        self.app = app.name.text
        upstream = app.upstream
        port = app.ports.container
    }
}
