import Controller
import Integrations
import ReleaseMachine
import ViridianConfiguration

/// The commit of a project of which a pipeline or a deployment tells: which image was built from it has to be found out.
struct BuiltCommit: Sendable, Hashable {
    /// Its SHA, or the first characters of it.
    var commit: String
    /// `group/blog`
    var project: String
    private var projectURL: String?
    private var commitTime: Timestamp?
    private var ref: String?
    private var url: String?
    /// The version that the event names: the Git tag of a pipeline, or what a deployment's payload says.
    private var version: String?

    /// `nil` for the push of an image.
    init?(_ event: HookEvent) {
        switch event {
        case .pushed: return nil
        case .built(let pipeline):
            (commit, project, projectURL) = (pipeline.commit, pipeline.project, pipeline.projectURL)
            (commitTime, ref, url) = (pipeline.commitTime, pipeline.ref, pipeline.url)
            version = pipeline.isTag ? pipeline.ref : nil
        case .deploymentRequested(let deployment):
            (commit, project, projectURL) = (deployment.commit, deployment.project, deployment.projectURL)
            (ref, url, version) = (deployment.ref, deployment.url, deployment.version)
        }
    }

    /// The version's name, as far as it is known.
    var name: String { version.flatMap { try? Version($0).text } ?? short }
    var short: String { String(commit.prefix(12)) }

    /// The tags that an image of the commit may have.
    var tags: [String] {
        let names = [version, commit] + [7, 8, 12].map { $0 < commit.count ? String(commit.prefix($0)) : nil }
        var tags: [String] = []
        for case let name? in names where (try? Version(name)) != nil && !tags.contains(name) { tags.append(name) }
        return tags
    }

    /// Whether a version was built from this commit; `nil` where neither its label nor its tag says so.
    func isNamed(by version: PushedVersion) -> Bool? {
        if let revision = version.commit {
            return revision.hasPrefix(commit) || revision.count >= 7 && commit.hasPrefix(revision)
        }
        return version.version == self.version && version.version != commit ? nil : true
    }

    /// Whether `source`, the URL of a source repository, is this project's. Forges have several hosts' names: the path counts.
    func isBuilt(from source: String) -> Bool {
        guard let repository = SourceRepository(source) else { return false }
        let own = projectURL.flatMap { SourceRepository($0)?.path } ?? project
        let path = repository.path.lowercased()
        return path == own.lowercased() || path == project.lowercased()
    }

    /// Adds what the event tells of the version.
    func complete(_ version: inout PushedVersion) {
        version.commit = version.commit ?? commit
        version.commitTime = version.commitTime ?? commitTime
        version.source = version.source ?? projectURL
        version.ref = version.ref ?? ref
        version.url = version.url ?? url
    }
}

/// The image of a commit that is not known yet.
struct AwaitedImage: Sendable {
    var app: String
    var commit: BuiltCommit
    /// The app's images are built from the commit's project. Where that is not known, and no image comes, the app is not concerned.
    var isOwn: Bool
    /// Why the registry could not be asked.
    var problem: RegistryError?

    /// What the delivery waits for.
    var waits: String {
        let why = problem.map { ": \($0)" } ?? ""
        return "waits for an image of \(app) that is built from \(commit.short) of \(commit.project)\(why)".oneLine.safe
    }

    /// What is said when none has come after all.
    func isMissing(after wait: String) -> String {
        let why = problem.map { " (\($0))" } ?? ""
        return
            "no image of \(app) that is built from \(commit.short) of \(commit.project) was found within \(wait)\(why); "
            .oneLine.safe
            + "set the image's label org.opencontainers.image.revision to the commit, or use the commit as its tag, and "
            + "release this version with `viridian deploy \(app) --version TAG`"
    }
}
