import ArgumentParser
import Controller
import Foundation
import Sandbox

struct SandboxCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "sandbox",
        abstract: "A Kubernetes API on this machine that kubectl can use, with pods as local processes.",
        discussion: """
            Images it can run: busybox, alpine and debian (any tag, with a command: this machine's own programs), and any tag of a \
            repository in registry.local:5000/, which is the sample app: a tag that begins with crash, unready or slow behaves \
            so, one that begins with missing cannot be pulled.
            """
    )

    @Option(help: "The API's port; 0 takes a free one.") var port: Int = 6443
    @Option(help: ArgumentHelp("Where to write the kubeconfig.", valueName: "file")) var kubeconfig: String?

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port takes a number from 0 to 65535") }
    }

    func perform() async throws -> ExitStatus {
        var configuration = SandboxConfiguration()
        configuration.port = port
        configuration.images = SampleApp.images(program: OwnProgram.path, registries: ["registry.local:5000/"])
        do {
            return try await SandboxCluster.withCluster(configuration) { cluster in
                let path = kubeconfig ?? NSTemporaryDirectory() + "viridian-sandbox-\(cluster.apiPort).kubeconfig"
                try cluster.kubeconfig.write(toFile: path, atomically: true, encoding: .utf8)
                defer { try? FileManager.default.removeItem(atPath: path) }
                say("The sandbox's Kubernetes API listens on \(cluster.server)")
                say("export KUBECONFIG=\(path)")
                say("Ctrl-C ends it, and its pods.")
                try? await Task.sleep(for: .seconds(Int64(1) << 40))
                return .done
            }
        } catch let error as CancellationError {
            throw error
        } catch  where "\(error)".contains("in use") {
            throw Refusal("port \(port) is in use: name another with --port")
        }
    }
}
