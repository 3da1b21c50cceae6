import ArgumentParser
import Controller
import Foundation
import Glibc
import Kubernetes
import Sandbox

struct SandboxCommand: Verb {
    static let configuration = CommandConfiguration(
        commandName: "sandbox",
        abstract: "Run a Kubernetes API on this machine that kubectl can use, with pods as local processes.",
        discussion: """
            Images: busybox, alpine and debian (any tag) run this machine's programs with the pod's command or args. Any tag of a \
            repository in registry.local:5000/ runs the sample app. A tag that begins with crash exits at once, unready answers \
            /healthz with 503, slow does so for three seconds: give the pod a readiness probe for that path, because the port is \
            open in each case. A tag that begins with missing cannot be pulled.

            With --images, the images are those of a folder, and the sample app is none of them: FOLDER/REFERENCE/config.json, for \
            example in FOLDER/registry.local:5000/blog:v1/, is the image's configuration as `docker image inspect -f '{{json .Config}}'` \
            prints it. rootfs/ beside it has the image's files. Without it, the container sees this machine's files, and over them \
            the folders in files/, if that is there: files/code is /code. An image that is put there later is found when its pod starts.

            Pods run as the user who starts the sandbox. Programs of images see this machine's /proc, /dev and /sys: when root starts the \
            sandbox, an image's program that is root's can do to this machine what root can. The API requires a token, new at each start, that is in the kubeconfig; \
            only that user can read the kubeconfig.
            """
    )

    @Option(help: "The API's port. 0: a free one.") var port: Int = 6443
    @Option(
        help: ArgumentHelp(
            "Where to write the kubeconfig. Default: ~/.kube/viridian-sandbox-PORT.kubeconfig.", valueName: "file"))
    var kubeconfig: String?

    @Option(
        help: ArgumentHelp(
            "A folder of images to run, instead of the sample app.", valueName: "folder"), completion: .directory)
    var images: String?

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port takes a number from 0 to 65535") }
    }

    func perform() async throws -> ExitStatus {
        var configuration = SandboxConfiguration()
        configuration.port = port
        configuration.images =
            try images.map(imageFolder)?.images
            ?? SampleApp.images(program: CurrentExecutable.path, registries: ["registry.local:5000/"])
        do {
            return try await SandboxCluster.withCluster(configuration) { cluster in
                let path = try kubeconfig ?? ownKubeconfig(cluster)
                try cluster.writeKubeconfig(to: path)
                defer { try? FileManager.default.removeItem(atPath: path) }
                printLine("The sandbox's Kubernetes API listens on \(cluster.server)")
                printLine("export KUBECONFIG=\(path)")
                printLine("Ctrl-C stops the sandbox and its pods.")
                if images != nil, geteuid() == 0 {
                    printError(
                        "viridian: the sandbox runs as root: programs of images that run as root see this machine's /proc, /dev and /sys, and "
                            + "can do there what root can. Run only images that you trust, or the sandbox as another user"
                    )
                }
                try? await Task.sleep(for: .seconds(Int64(1) << 40))
                return .done
            }
        } catch let error as CancellationError {
            throw error
        } catch  where "\(error)".contains("in use") {
            throw Refusal("port \(port) is in use: choose another with --port")
        }
    }

    private func imageFolder(_ path: String) throws -> ImageFolder {
        var isDirectory: ObjCBool = false
        let absolute = URL(filePath: path).path
        guard FileManager.default.fileExists(atPath: absolute, isDirectory: &isDirectory), isDirectory.boolValue else {
            throw Refusal("--images names \(path), which is not a folder")
        }
        return ImageFolder(absolute)
    }

    /// Not in the directory for temporary files: the sandbox deletes the file at its end while its name stays in `$KUBECONFIG`. In a
    /// directory that everybody can write, another user could then put a kubeconfig there that runs a command.
    private func ownKubeconfig(_ cluster: SandboxCluster) throws -> String {
        let directory = ClusterAccess.HostEnvironment().homeDirectory + "/.kube"
        do {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Refusal("\(directory) cannot be created: choose another place for the kubeconfig with --kubeconfig")
        }
        return "\(directory)/viridian-sandbox-\(cluster.apiPort).kubeconfig"
    }
}
