import TextTemplates
import ViridianConfiguration

/// How an app runs in a container, the same on a developer's machine and in the cluster.
enum ContainerFiles {
    /// The Dockerfile and what belongs beside it, in the root of an app's repository.
    static func dockerfiles(_ apps: [AppConfiguration]) -> [RenderedFile] {
        apps.flatMap { app in
            let isFastCGI = app.protocol == .fastcgi
            let dockerfile = isFastCGI ? ContainerFile<FastCGIDockerfile>(app).text : HTTPDockerfile(app).text
            var files = [("Dockerfile", dockerfile), (".dockerignore", DockerIgnore(app).text)]
            if isFastCGI { files.append(("php-fpm.conf", ContainerFile<PHPFPMConfiguration>(app).text)) }
            return files.map { RenderedFile(path: app.path($0, among: apps), text: $1) }
        }
    }
}

/// A file that says how an app's container runs.
struct ContainerFile<Kind: ContainerFileKind>: TemplateValues {
    static var template: TextTemplate { Kind.template }

    let app: String
    let image: String
    let port: Int

    init(_ app: AppConfiguration) {
        self.app = app.name.text
        image = "\(app.image)"
        port = app.ports.container
    }
}

/// What a `ContainerFile` is.
protocol ContainerFileKind: Sendable {
    static var template: TextTemplate { get }
}

/// The Dockerfile of a PHP app.
enum FastCGIDockerfile: ContainerFileKind {
    static let template = TextTemplate(PackageResources.Dockerfile_fastcgi_mustache)
}

enum PHPFPMConfiguration: ContainerFileKind {
    static let template = TextTemplate(PackageResources.php_fpm_conf_mustache)
}

/// The Dockerfile of an app in any language that speaks HTTP.
struct HTTPDockerfile: TemplateValues {
    static let template = TextTemplate(PackageResources.Dockerfile_http_mustache)

    let app: String
    let image: String
    let port: Int
    /// Whether a process may listen there that is not root's; Linux has `net.ipv4.ip_unprivileged_port_start` at 1024.
    let hasOrdinaryPort: Bool

    init(_ app: AppConfiguration) {
        self.app = app.name.text
        image = "\(app.image)"
        port = app.ports.container
        hasOrdinaryPort = port >= 1024
    }
}

struct DockerIgnore: TemplateValues {
    static let template = TextTemplate(PackageResources.dockerignore_mustache)

    let app: String
    let fastcgi: Bool

    init(_ app: AppConfiguration) {
        self.app = app.name.text
        fastcgi = app.protocol == .fastcgi
    }
}
