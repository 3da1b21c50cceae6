import ArgumentParser
import Controller
import Foundation
import Scaffold
import TextTemplates

struct InitCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a first configuration.",
        discussion: "Existing files are not changed."
    )

    @Argument(help: "The folder.") var directory: String = "."

    func perform() async throws -> ExitStatus {
        try write(StartingConfiguration.text, to: "viridian.yaml")
        // No example beside existing apps: it would claim ports.
        let apps = (try? FileManager.default.contentsOfDirectory(atPath: directory + "/apps")) ?? []
        if !apps.contains(where: { $0.hasSuffix(".yaml") }) || apps.contains("blog.yaml") {
            let ports = PortPlan.first
            let example = AppFile(
                name: "blog", image: "registry.local:5000/blog", container: 9000, blue: ports.blue, green: ports.green)
            try write(example.text, to: "apps/blog.yaml")
        }
        printLine("Edit the files, then: viridian check --config \(directory)/viridian.yaml")
        return .done
    }

    private func write(_ text: String, to name: String) throws {
        let path = directory + "/" + name
        printLine("\(path): \(try NewFile.write(text, to: path) ? "written" : "exists, not changed")")
    }
}
