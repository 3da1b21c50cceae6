import Foundation
import TextTemplates
import ViridianConfiguration

/// Where the script is that a pipeline's last step runs.
package enum ScriptPlacement: Sendable {
    /// In the pipeline itself, which is then one file.
    case embedded
    /// In a file `ci/release.sh` of its own.
    case beside
}

/// Pipelines that build, test and push an image, ask for a release of it, and end as the release does.
enum Pipelines {
    static func jenkins(_ apps: [AppConfiguration], server: ServerConfiguration, _ script: ScriptPlacement)
        -> [RenderedFile]
    {
        apps.flatMap { app in
            files(of: app, among: apps, server, script, name: "Jenkinsfile") { Jenkinsfile(app, release: $0).text }
        }
    }

    static func gitlab(_ apps: [AppConfiguration], server: ServerConfiguration, _ script: ScriptPlacement)
        -> [RenderedFile]
    {
        apps.flatMap { app in
            files(of: app, among: apps, server, script, name: ".gitlab-ci.yml") {
                GitLabPipeline(app, release: $0).text
            }
        }
    }

    static func github(_ apps: [AppConfiguration], server: ServerConfiguration, _ script: ScriptPlacement)
        -> [RenderedFile]
    {
        apps.flatMap { app in
            files(of: app, among: apps, server, script, name: ".github/workflows/release.yml") {
                GitHubWorkflow(app, release: $0).text
            }
        }
    }

    /// A pipeline, and its script where that is a file of its own. `pipeline` gets the lines of the script to embed, none where it is not.
    private static func files(
        of app: AppConfiguration, among apps: [AppConfiguration], _ server: ServerConfiguration,
        _ placement: ScriptPlacement, name: String, _ pipeline: ([String]) -> String
    ) -> [RenderedFile] {
        let script = ReleaseScript(app, server: server)
        switch placement {
        case .embedded:
            // The script's empty lines are not indented.
            let text = pipeline(script.lines).replacing(#/ +\n/#, with: "\n")
            return [RenderedFile(path: app.path(name, among: apps), text: text)]
        case .beside:
            return [
                RenderedFile(path: app.path(name, among: apps), text: pipeline([])),
                RenderedFile(path: app.path("ci/release.sh", among: apps), text: script.text, mode: 0o755),
            ]
        }
    }
}

struct Jenkinsfile: TemplateValues {
    static let template = TextTemplate(PackageResources.Jenkinsfile_mustache)

    let app: String
    let image: String
    /// The host of the app's registry.
    let registry: String
    /// The branch that is released.
    let branch: String
    /// The timeout of build and release.
    let hours: Int64
    /// The lines of `release.sh`, as they stand between Groovy's `'''`; none when it is a file of its own.
    let release: [String]
    let isEmbedded: Bool

    init(_ app: AppConfiguration, release: [String]) {
        self.app = app.name.text
        image = "\(app.image)"
        registry = app.registryHost
        branch = app.releaseBranch.replacing("'", with: "\\'")
        hours = app.pipelineHours
        self.release = release.map { $0.replacing("\\", with: "\\\\") }
        isEmbedded = !release.isEmpty
    }
}

struct GitLabPipeline: TemplateValues {
    static let template = TextTemplate(PackageResources.gitlab_ci_yml_mustache)

    let app: String
    let image: String
    /// The host of the app's registry.
    let registry: String
    let resourceGroup: String
    /// Where the app's visitors find it.
    let url: String?
    /// The timeout of the release.
    let hours: Int64
    /// The lines of `release.sh`; none when it is a file of its own.
    let release: [String]
    let isEmbedded: Bool

    init(_ app: AppConfiguration, release: [String]) {
        self.app = app.name.text
        image = yaml("\(app.image)")
        registry = app.registryHost
        resourceGroup = yaml(app.name.text)
        url = app.visitorsURL.map(yaml)
        hours = app.pipelineHours
        self.release = release
        isEmbedded = !release.isEmpty
    }
}

struct GitHubWorkflow: TemplateValues {
    static let template = TextTemplate(PackageResources.github_release_yml_mustache)

    let app: String
    let image: String
    /// The host of the app's registry.
    let registry: String
    /// Whether that is GitHub's own registry, to which a workflow's token is the login.
    let isGHCR: Bool
    /// The branch that is released.
    let branch: String
    /// Where the app's visitors find it.
    let url: String?
    /// The timeout of the release.
    let minutes: Int64
    /// The lines of `release.sh`; none when it is a file of its own.
    let release: [String]

    init(_ app: AppConfiguration, release: [String]) {
        self.app = app.name.text
        image = yaml("\(app.image)")
        registry = app.registryHost
        isGHCR = registry == "ghcr.io"
        branch = yaml(app.releaseBranch)
        url = app.visitorsURL.map(yaml)
        minutes = app.pipelineHours * 60
        self.release = release
    }
}

/// The script with which a pipeline asks for a release and waits for its outcome; the template's head says what it needs and how it ends.
struct ReleaseScript: TemplateValues {
    static let template = TextTemplate(PackageResources.release_sh_mustache)

    let app: String
    /// The URL of Viridian's server.
    let server: String

    init(_ app: AppConfiguration, server: ServerConfiguration) {
        self.app = app.name.text
        let url = server.url?.absoluteString ?? "http://\(server.listen)"
        // It stands between single quotes of the shell.
        self.server = (url.hasSuffix("/") ? String(url.dropLast()) : url).replacing("'", with: "%27")
    }

    /// Its lines for a pipeline, whose shell is running already.
    var lines: [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).dropFirst().dropLast().map(String.init)
    }
}

extension AppConfiguration {
    fileprivate var registryHost: String {
        let first = "\(image)".prefix { $0 != "/" }
        return first.contains(".") || first.contains(":") || first == "localhost" ? String(first) : "docker.io"
    }

    /// The longest pause for verification, and two hours.
    fileprivate var pipelineHours: Int64 { (verify.timeout.components.seconds + 3599) / 3600 + 2 }

    /// The first of `releaseOn.branches` that is no pattern.
    fileprivate var releaseBranch: String {
        releaseOn?.branches.first { !$0.contains { "*?".contains($0) } } ?? "dev"
    }

    /// The address of the first host that is no wildcard.
    fileprivate var visitorsURL: String? {
        hosts.first { !$0.contains("*") }.map { "https://\($0)" }
    }
}
