import ArgumentParser
import Controller
import Foundation

struct InitCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a configuration to begin with.",
        discussion: "Files that are there already are left alone."
    )

    @Argument(help: "The folder.") var directory: String = "."

    func perform() async throws -> ExitStatus {
        let files = FileManager.default
        do {
            try files.createDirectory(atPath: directory + "/apps", withIntermediateDirectories: true)
            for (name, text) in [("viridian.yaml", Self.main), ("apps/blog.yaml", Self.app)] {
                let path = directory + "/" + name
                if files.fileExists(atPath: path) {
                    say("\(path): left as it is")
                } else {
                    try text.write(toFile: path, atomically: true, encoding: .utf8)
                    say("\(path): written")
                }
            }
        } catch {
            throw Refusal("\(directory) cannot be written: \(error.localizedDescription)")
        }
        say("Edit them, then: viridian check --config \(directory)/viridian.yaml")
        return .done
    }

    private static let main = """
        journal: viridian.sqlite
        kubernetes: {}                  # the pod's account, $KUBECONFIG, or ~/.kube/config
        nodes:
          inventory: static
          static: [127.0.0.1]
          transport: local              # nginx on this machine
          sudo: true
          backends: /etc/nginx/backends.d
          test: nginx -t
          reload: service nginx reload
        apps: apps/*.yaml

        """

    private static let app = """
        app: blog
        ports: {container: 9000, blue: 30000, green: 30001}
        image: registry.local:5000/blog   # the version is the tag
        replicas: 1                       # for the first release; later ones take the live colour's count
        drain: {least: 30s, most: 5m}

        """
}
