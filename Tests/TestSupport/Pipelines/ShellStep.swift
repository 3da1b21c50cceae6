import Foundation
import Yams

/// A piece of shell in a rendered pipeline, as its CI runs it.
package struct ShellStep: Sendable {
    /// The stage, job or step that it is in.
    package var name: String
    /// The program that reads it, with its options.
    package var shell: [String]
    package var script: String
    /// The variable that gets its output.
    package var output: String?
    /// The variables of its job, before expansion.
    package var environment: [String: String] = [:]
}

/// A CI for which `render` writes pipelines.
package enum PipelineSystem: String, Sendable, CaseIterable, CustomStringConvertible {
    case jenkins
    case gitlab
    case github

    package var description: String { rawValue }

    /// The shell in a pipeline, in the order in which it runs.
    package func steps(of pipeline: String) throws -> [ShellStep] {
        switch self {
        case .jenkins: jenkins(pipeline)
        case .gitlab: try gitlab(pipeline)
        case .github: try github(pipeline)
        }
    }

    /// Jenkins' step `sh` runs `sh -xe`.
    private func jenkins(_ text: String) -> [ShellStep] {
        let stage = #/stage\('(?<stage>\w+)'\)/#
        let environment = #/environment \{\n(?<lines>[\s\S]*?)\n    \}/#
        let step =
            #/(?:env\.(?<variable>\w+) = )?\bsh[ (](?:return\w+: true, )?(?:script: )?(?<quote>'''|')(?<script>[\s\S]*?[^\\])\k<quote>/#
        var variables: [String: String] = [:]
        if let block = text.firstMatch(of: environment) {
            for line in block.lines.matches(of: #/(\w+) = '(.*)'/#) { variables["\(line.1)"] = "\(line.2)" }
        }
        let stages = text.matches(of: stage)
        return text.matches(of: step).map { match in
            let name = stages.last { $0.range.lowerBound < match.range.lowerBound }.map { "\($0.stage)" }
            return ShellStep(
                name: name ?? "", shell: ["sh", "-xe"], script: unquoted(match.script),
                output: match.variable.map(String.init), environment: variables)
        }
    }

    /// The text of a Groovy string.
    private func unquoted(_ text: Substring) -> String {
        var plain = ""
        var isEscaped = false
        for character in text {
            if character == "\\", !isEscaped {
                isEscaped = true
            } else {
                plain.append(character)
                isEscaped = false
            }
        }
        return plain
    }

    /// GitLab's runner passes the lines of a job to the image's shell as one script.
    private func gitlab(_ text: String) throws -> [ShellStep] {
        let file = try Node.Mapping(pipeline: text)
        return ["build", "release"].compactMap { job in
            guard let mapping = file[Node(job)]?.mapping else { return nil }
            let variables = file.texts("variables").merging(mapping.texts("variables")) { $1 }
            let lines = mapping[Node("script")]?.sequence?.compactMap(\.string) ?? []
            return ShellStep(
                name: job, shell: ["sh", "-e"], script: lines.joined(separator: "\n"), environment: variables)
        }
    }

    /// GitHub's runner writes each `run` into a file for `bash -e`.
    private func github(_ text: String) throws -> [ShellStep] {
        let file = try Node.Mapping(pipeline: text)
        return ["build", "release"].flatMap { job -> [ShellStep] in
            guard let mapping = file[Node("jobs")]?.mapping?[Node(job)]?.mapping else { return [] }
            let variables = file.texts("env").merging(mapping.texts("env")) { $1 }
            return (mapping[Node("steps")]?.sequence ?? []).compactMap { step in
                guard let step = step.mapping, let script = step[Node("run")]?.string else { return nil }
                return ShellStep(
                    name: job, shell: ["bash", "-e"], script: script,
                    environment: variables.merging(step.texts("env")) { $1 })
            }
        }
    }
}

extension Node.Mapping {
    fileprivate init(pipeline text: String) throws {
        guard let mapping = try compose(yaml: text)?.mapping else { throw NoPipeline() }
        self = mapping
    }

    fileprivate func texts(_ key: String) -> [String: String] {
        let pairs = self[Node(key)]?.mapping?.compactMap { pair in
            pair.key.string.flatMap { name in pair.value.string.map { (name, $0) } }
        }
        return Dictionary(pairs ?? []) { $1 }
    }
}

private struct NoPipeline: Error {}
