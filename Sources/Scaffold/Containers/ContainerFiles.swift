import TextTemplates
import ViridianConfiguration

/// How an app runs in a container, the same on a developer's machine and in the cluster.
enum ContainerFiles {
    static func compose(_ apps: [AppConfiguration]) -> RenderedFile {
        RenderedFile(path: "docker-compose.yml", text: ComposeFile(apps).text)
    }

    static func dockerfiles(_ apps: [AppConfiguration]) -> [RenderedFile] {
        apps.map { app in
            let port = app.ports.container
            return RenderedFile(
                path: app.path("Dockerfile", among: apps),
                text: app.protocol == .fastcgi ? FastCGIDockerfile(port: port).text : HTTPDockerfile(port: port).text)
        }
    }
}

/// ContainerFiles of all apps on a developer's machine.
struct ComposeFile: TemplateValues {
    static let template = TextTemplate(PackageResources.docker_compose_yml_mustache)

    let services: [Service]

    struct Service {
        let name: String
        /// The name of the service that runs the image's tests.
        let test: String
        /// Where its Dockerfile and its sources are.
        let folder: String
        /// With the version that a pipeline has built; a developer's has none.
        let image: String
        /// Its port on the developer's machine.
        let blue: Int
        let container: Int
    }

    init(_ apps: [AppConfiguration]) {
        services = apps.map { app in
            Service(
                name: yaml(app.name.text), test: yaml("\(app.name)-test"),
                folder: apps.count == 1 ? "." : "./\(app.name)", image: yaml("\(app.image):${VERSION:-dev}"),
                blue: app.ports.blue, container: app.ports.container)
        }
    }
}

struct FastCGIDockerfile: TemplateValues {
    static let template = TextTemplate(PackageResources.Dockerfile_fastcgi_mustache)

    let port: Int
}

struct HTTPDockerfile: TemplateValues {
    static let template = TextTemplate(PackageResources.Dockerfile_http_mustache)

    let port: Int
}
