import ArgumentParser
import Controller
import Foundation
import Scaffold

struct InitCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a configuration to begin with.",
        discussion: "Files that are there already are left alone."
    )

    @Argument(help: "The folder.") var directory: String = "."

    func perform() async throws -> ExitStatus {
        try write(Self.main, to: "viridian.yaml")
        // An example beside apps that are there could only be in their way: it would claim ports.
        let apps = (try? FileManager.default.contentsOfDirectory(atPath: directory + "/apps")) ?? []
        if !apps.contains(where: { $0.hasSuffix(".yaml") }) || apps.contains("blog.yaml") {
            let ports = PortPlan.first
            let example = AppFile(
                name: "blog", image: "registry.local:5000/blog", container: 9000, blue: ports.blue, green: ports.green)
            try write(example.text, to: "apps/blog.yaml")
        }
        say("Edit them, then: viridian check --config \(directory)/viridian.yaml")
        return .done
    }

    private func write(_ text: String, to name: String) throws {
        let path = directory + "/" + name
        say("\(path): \(try NewFile.write(text, to: path) ? "written" : "left as it is")")
    }

    private static let main = """
        journal: viridian.sqlite
        kubernetes: {}                  # the pod's account, $KUBECONFIG, or ~/.kube/config
        nodes:
          inventory: static             # or kubernetes, or ec2:
          static: [127.0.0.1]
          # kubernetes: {selector: role=web, address: InternalIP}
          # ec2: {region: us-east-1, tags: {role: kubernetes-node}, address: private}
          transport: local              # nginx on this machine; or ssh:
          # ssh: {user: deploy, parallel: 20, connectTimeout: 10s}
          sudo: true
          backends: /etc/nginx/backends.d
          test: nginx -t
          reload: service nginx reload
        apps: apps/*.yaml

        """
}
