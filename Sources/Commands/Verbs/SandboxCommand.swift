import ArgumentParser
import Controller
import Foundation
import Kubernetes
import Sandbox

struct SandboxCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "sandbox",
        abstract: "A Kubernetes API on this machine that kubectl can use, with pods as local processes.",
        discussion: """
            Images it can run: busybox, alpine and debian (any tag: this machine's own programs, with the pod's command or args), \
            and any tag of a repository in registry.local:5000/, which is the sample app. A tag of it that begins with crash ends \
            at once, one that begins with unready answers /healthz with 503, one that begins with slow does so for three seconds: \
            give the pod a readiness probe for that path, because the port is open in each case. A tag that begins with missing \
            cannot be pulled.

            Pods run as the user who starts the sandbox. The API wants a token, which is new at each start and stands in the \
            kubeconfig, which only that user can read.
            """
    )

    @Option(help: "The API's port; 0 takes a free one.") var port: Int = 6443
    @Option(
        help: ArgumentHelp(
            "Where to write the kubeconfig; ~/.kube/viridian-sandbox-PORT.kubeconfig otherwise.", valueName: "file"))
    var kubeconfig: String?

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port takes a number from 0 to 65535") }
    }

    func perform() async throws -> ExitStatus {
        var configuration = SandboxConfiguration()
        configuration.port = port
        configuration.images = SampleApp.images(program: OwnProgram.path, registries: ["registry.local:5000/"])
        do {
            return try await SandboxCluster.withCluster(configuration) { cluster in
                let path = try kubeconfig ?? ownKubeconfig(cluster)
                try cluster.writeKubeconfig(to: path)
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

    /// Not in the directory for temporary files: the file is gone when the sandbox is, its name stays in somebody's `$KUBECONFIG`,
    /// and in a directory that all can write to another user could put one there that runs a command.
    private func ownKubeconfig(_ cluster: SandboxCluster) throws -> String {
        let directory = ClusterAccess.Surroundings().homeDirectory + "/.kube"
        do {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Refusal("\(directory) cannot be made: say with --kubeconfig where the kubeconfig is to be written")
        }
        return "\(directory)/viridian-sandbox-\(cluster.apiPort).kubeconfig"
    }
}
