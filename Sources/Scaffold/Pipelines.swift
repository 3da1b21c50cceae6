import Foundation
import TextTemplates
import ViridianConfiguration

/// Pipelines that build, test and push an image, start a release of it, and succeed when its version is live.
enum Pipelines {
    static func jenkins(_ app: AppConfiguration, server: ServerConfiguration) -> RenderedFile {
        RenderedFile(path: "\(app.name)/Jenkinsfile", text: Jenkinsfile(app, server: server).text)
    }

    static func gitlab(_ app: AppConfiguration, server: ServerConfiguration) -> RenderedFile {
        RenderedFile(path: "\(app.name)/.gitlab-ci.yml", text: GitLabPipeline(app, server: server).text)
    }
}

struct Jenkinsfile: TemplateValues {
    static let template = TextTemplate(PackageResources.Jenkinsfile_mustache)

    let app: String
    let image: String
    /// The host of the app's registry.
    let registry: String
    /// The timeout of build and release.
    let hours: Int64
    /// The lines of `release.sh`, as they stand between Groovy's `'''`.
    let release: [String]

    init(_ app: AppConfiguration, server: ServerConfiguration) {
        self.app = app.name.text
        image = "\(app.image)"
        registry = app.registryHost
        hours = app.pipelineHours
        let script = ReleaseScript(
            app, server: server, token: "$TOKEN", key: "jenkins-$BUILD_NUMBER-$VERSION", reason: "$BUILD_URL",
            commitTime: "$(git log -1 --format=%cI)")
        release = script.lines.map { $0.replacing("\\", with: "\\\\") }
    }
}

struct GitLabPipeline: TemplateValues {
    static let template = TextTemplate(PackageResources.gitlab_ci_yml_mustache)

    let app: String
    let image: String
    /// The host of the app's registry.
    let registry: String
    let resourceGroup: String
    /// The timeout of the release.
    let hours: Int64
    /// The lines of `release.sh`.
    let release: [String]

    init(_ app: AppConfiguration, server: ServerConfiguration) {
        self.app = app.name.text
        image = yaml("\(app.image)")
        registry = app.registryHost
        resourceGroup = yaml(app.name.text)
        hours = app.pipelineHours
        let script = ReleaseScript(
            app, server: server, token: "$VIRIDIAN_TOKEN", key: "gitlab-$CI_JOB_ID", reason: "$CI_PIPELINE_URL",
            commitTime: "$CI_COMMIT_TIMESTAMP")
        release = script.lines
    }
}

/// The shell script with which a pipeline starts a release and follows it. It exits with 0 when the version is live, and otherwise not.
///
/// It needs a POSIX shell, `curl` and `sed`. `token`, `key`, `reason` and `commitTime` stand between double quotes of the shell: they
/// are variables that the pipeline sets.
struct ReleaseScript: TemplateValues {
    static let template = TextTemplate(PackageResources.release_sh_mustache)

    let app: String
    /// The URL of Viridian's server.
    let server: String
    let token: String
    /// The Idempotency-Key of this build: sent again, it answers with the release that it started.
    let key: String
    let reason: String
    let commitTime: String

    init(
        _ app: AppConfiguration, server: ServerConfiguration, token: String, key: String, reason: String,
        commitTime: String
    ) {
        self.app = app.name.text
        self.server = server.url?.absoluteString ?? "http://\(server.listen)"
        self.token = token
        self.key = key
        self.reason = reason
        self.commitTime = commitTime
    }

    var lines: [String] { text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init) }
}

extension AppConfiguration {
    fileprivate var registryHost: String {
        let first = "\(image)".prefix { $0 != "/" }
        return first.contains(".") || first.contains(":") || first == "localhost" ? String(first) : "docker.io"
    }

    /// The longest pause for verification, and two hours.
    fileprivate var pipelineHours: Int64 { (verify.timeout.components.seconds + 3599) / 3600 + 2 }
}
