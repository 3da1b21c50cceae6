import Foundation
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// What the programs for which pipelines are written, or others that know their languages, say of them.
@Suite("the languages of pipelines")
struct PipelineLanguageTests {
    private static let server = ServerConfiguration(url: URL(string: "https://deploy.domain.com"))

    /// Each form in which something is rendered.
    private func forms(_ what: Rendering) throws -> [String] {
        let (plain, other) = (try blog(), try www { $0.image = try ImageReference("ghcr.io/group/www") })
        return try [plain, other].flatMap { app in
            let configuration = configuration([app], server: Self.server)
            return try [ScriptPlacement.embedded, .beside].map {
                try #require(try what.files(configuration, apps: [app], options: .init(scripts: $0)).first?.text)
            }
        }
    }

    // MARK: - GitLab and GitHub

    @Test(
        "GitLab's, GitHub's and Compose's schemas, which come with the checker, accept what is rendered",
        .enabled(if: JSONSchemaChecker.path != nil, "no check-jsonschema; script/bootstrap installs it"),
        arguments: [
            (Rendering.gitlab, ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
            (.github, ["vendor.github-workflows"]), (.compose, ["vendor.compose-spec"]),
        ])
    func schema(what: Rendering, schema: [String]) async throws {
        let checker = try #require(JSONSchemaChecker.path)
        for text in try forms(what) {
            let checked = try await Command(
                checker, ["--builtin-schema"] + schema + ["--default-filetype", "yaml", "-"], input: text
            ).run(deadline: .seconds(600))
            #expect(checked.succeeded, "\(checked)")
        }
    }

    // MARK: - Jenkins

    /// Jenkins itself runs Groovy 2.4.
    private static let groovy = Executable.find("groovy")

    @Test(
        "Groovy runs the Jenkinsfile in a multibranch and in a plain job, for a tag, another branch and a merge request",
        .enabled(if: groovy != nil, "no groovy on PATH"),
        arguments: [
            (["BRANCH_NAME": "dev", "GIT_BRANCH": "dev"], "dev"), (["GIT_BRANCH": "origin/dev"], "dev"),
            (["GIT_BRANCH": "refs/remotes/origin/dev"], "dev"), (["BRANCH_NAME": "v1.0", "TAG_NAME": "v1.0"], "v1.0"),
            (["BRANCH_NAME": "login"], nil), (["BRANCH_NAME": "MR-7", "CHANGE_ID": "7"], nil),
            (["GIT_BRANCH": "origin/login"], nil), ([:], nil),
        ] as [([String: String], String?)])
    func jenkins(job: [String: String], released: String?) async throws {
        try await withFolder { folder in
            try await withServer(FakeViridian(release: .release("live")).script) { server in
                let docker = try RecordingDocker(in: folder + "/docker")
                let repository = try await SampleRepository(at: folder + "/repository")
                let configuration = configuration(
                    [try blog()], server: ServerConfiguration(url: URL(string: server.url)))
                try write(try rendered(.jenkins, configuration), to: folder + "/Jenkinsfile")
                let environment = docker.environment().merging(job) { $1 }.merging([
                    "EXECUTOR_NUMBER": "0", "BUILD_URL": "https://ci/7", "REGISTRY_USER": "ci",
                    "REGISTRY_PASSWORD": "secret", "VIRIDIAN_TOKEN": FakeViridian.token,
                ]) { $1 }
                let done = try await Command(
                    "groovy", [DeclarativeJenkins.path, folder + "/Jenkinsfile"], environment: environment,
                    workingDirectory: repository.path
                ).run(deadline: .seconds(600))
                #expect(done.succeeded, "\(done)")
                let stages = done.output.matches(of: #/\[(stage|skipped)\] (\w+)/#).map { "\($0.1) \($0.2)" }
                let last = released == nil ? "skipped" : "stage"
                #expect(
                    stages == ["stage Version", "stage Build", "stage Test", "\(last) Push", "\(last) Release"],
                    "\(done)")
                let said = released == nil ? "only built and tested" : "\(repository.version) of \(released ?? "")"
                #expect(done.output.contains("[echo] ") && done.output.contains(said), "\(done)")
                let calls = await server.requests.all.filter { $0.method == "POST" }
                #expect(calls.count == (released == nil ? 0 : 1))
                if let released, let call = calls.first {
                    let sent = try JSONDecoder().decode([String: String].self, from: Data(call.body.utf8))
                    #expect(sent["ref"] == released && sent["version"] == repository.version)
                }
            }
        }
    }

    // MARK: - Shell

    @Test(
        "shellcheck has nothing to say about a pipeline's shell",
        .enabled(if: Executable.find("shellcheck") != nil), arguments: PipelineSystem.allCases)
    func shellcheck(system: PipelineSystem) async throws {
        for text in try forms(try #require(Rendering(rawValue: system.rawValue))) {
            for step in try system.steps(of: text) {
                // A variable that a later step or another job uses is used, and `export A=$(…)` hides no failure that matters.
                let checked = try await Command(
                    "shellcheck", ["--shell", step.shell[0], "--exclude", "SC2034,SC2155", "-"], input: step.script
                ).run(deadline: .seconds(600))
                #expect(checked.succeeded, "\(step.name): \(checked.output)")
            }
        }
    }
}
