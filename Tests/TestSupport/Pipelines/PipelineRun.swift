import Foundation
import Processes

/// Runs the shell of a rendered pipeline as its CI does: in a checked-out repository, with the variables that the CI sets.
package struct PipelineRun: Sendable {
    private let system: PipelineSystem
    private let steps: [ShellStep]
    /// The checked-out repository. Beside it are the files with which GitHub's steps set variables.
    private let repository: String
    /// What every step sees.
    private let environment: [String: String]

    package init(
        _ system: PipelineSystem, _ pipeline: String, in repository: String, environment: [String: String]
    ) throws {
        self.system = system
        steps = try system.steps(of: pipeline)
        self.repository = repository
        self.environment = environment.merging(system.environment) { $1 }
    }

    /// A step that failed.
    package struct Failed: Error, CustomStringConvertible {
        package var description: String
    }

    /// Runs everything before the release.
    /// - Returns: the variables that the release gets of it.
    package func build() async throws -> [String: String] {
        for file in system.files { try Data().write(to: URL(fileURLWithPath: path(file))) }
        var variables: [String: String] = [:]
        for step in steps where step.name.lowercased() != "release" {
            var command = command(step, variables)
            command.environment?["REGISTRY_USER"] = "ci"
            command.environment?["REGISTRY_PASSWORD"] = "secret"
            let done = try await command.run(deadline: .seconds(60))
            guard done.succeeded else { throw Failed(description: "\(step.name): \(done)") }
            if let name = step.output {
                variables[name] = done.output.trimmingCharacters(in: .whitespacesAndNewlines)
            }
            for file in system.files {
                for line in try String(contentsOfFile: path(file), encoding: .utf8).split(separator: "\n") {
                    let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
                    if parts.count == 2 { variables[parts[0]] = parts[1] }
                }
            }
        }
        return variables
    }

    /// The command that asks for the release and waits for it. `more` replaces variables of the pipeline.
    package func release(
        _ variables: [String: String], token: String, _ more: [String: String] = [:]
    ) throws -> Command {
        guard let step = steps.last(where: { $0.name.lowercased() == "release" }) else {
            throw Failed(description: "the pipeline has no release")
        }
        var command = command(step, variables)
        command.environment?["VIRIDIAN_TOKEN"] = token
        command.environment?.merge(more) { $1 }
        return command
    }

    private func command(_ step: ShellStep, _ variables: [String: String]) -> Command {
        let values = system.values.merging(variables) { $1 }
        var environment = environment.merging(variables) { $1 }
        for file in system.files { environment[file] = path(file) }
        for (name, value) in step.environment { environment[name] = system.expand(value, values) }
        return Command(
            step.shell[0], Array(step.shell.dropFirst()) + ["-c", step.script], environment: environment,
            workingDirectory: repository)
    }

    /// The file of this name in which steps set variables.
    private func path(_ file: String) -> String {
        file.hasPrefix("GITHUB") ? "\(repository)-\(file)" : "\(repository)/\(file)"
    }
}

extension PipelineSystem {
    /// The page of the build.
    package var buildURL: String {
        switch self {
        case .jenkins: "https://jenkins.domain.com/job/blog/7/"
        case .gitlab: "https://gitlab.domain.com/group/blog/-/pipelines/7"
        case .github: "https://github.com/group/blog/actions/runs/7"
        }
    }

    /// Where the repository is.
    package var source: String {
        switch self {
        case .jenkins: "https://git.domain.com/group/blog.git"
        case .gitlab: "https://gitlab.domain.com/group/blog"
        case .github: "https://github.com/group/blog"
        }
    }

    /// The variables that the CI itself sets.
    fileprivate var environment: [String: String] {
        switch self {
        // REF is set by the Jenkinsfile's Groovy.
        case .jenkins: ["BUILD_URL": buildURL, "EXECUTOR_NUMBER": "0", "REF": "dev"]
        case .gitlab: ["CI_PROJECT_URL": source, "CI_JOB_ID": "7"]
        case .github: ["GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "group/blog"]
        }
    }

    /// What stands for the names in the variables of a job.
    fileprivate var values: [String: String] {
        switch self {
        case .jenkins: [:]
        case .gitlab: ["CI_COMMIT_REF_NAME": "dev", "CI_PIPELINE_URL": buildURL, "CI_JOB_ID": "7"]
        case .github:
            [
                "github.server_url": "https://github.com", "github.repository": "group/blog", "github.run_id": "7",
                "github.ref_name": "dev", "secrets.REGISTRY_USER": "ci", "secrets.REGISTRY_PASSWORD": "secret",
            ]
        }
    }

    /// The files in which steps set variables for later ones.
    fileprivate var files: [String] {
        switch self {
        case .jenkins: []
        case .gitlab: ["release.env"]
        case .github: ["GITHUB_ENV", "GITHUB_OUTPUT"]
        }
    }

    fileprivate func expand(_ text: String, _ values: [String: String]) -> String {
        switch self {
        case .jenkins: text
        case .gitlab: text.replacing(#/\$(\w+)/#) { values["\($0.1)"] ?? "" }
        case .github:
            text.replacing(#/\$\{\{ (?:needs\.build\.outputs\.)?([\w.]+) \}\}/#) { values["\($0.1)"] ?? "" }
        }
    }
}
