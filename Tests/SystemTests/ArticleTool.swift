import Foundation
import Kubernetes
import Processes
import TestSupport
import Testing

/// The tool of the article, for measuring against; it is not in this repository.
struct ArticleTool: Sendable {
    static let path: String? = {
        let named = ProcessInfo.processInfo.environment["BASELINE"] ?? ""
        let beside = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../shared/seed-baseline/deploy.py").standardizedFileURL.path
        let path = named.isEmpty ? beside : named
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()

    static let missing: Comment = "no ../shared/seed-baseline/deploy.py: set BASELINE"
    static let modules = "fabric, requests, yaml"

    private let program: String
    private let python: String

    init() async throws {
        program = try #require(Self.path)
        python = try #require(await Python.find(Self.modules))
    }

    /// Releases a version as the tool does: nodes by SSH and sudo, then the old colour's workload goes. Returns when its pods are gone.
    func deploy(
        _ version: String, in world: World, hosts: [String], login configuration: String, postDeploy: String = "true",
        reload: String = "service nginx reload"
    ) async throws {
        let command = Command(
            python,
            [
                program, "--kubeconfig", world.directory + "/kubeconfig", "--ssh-config", configuration,
                "--hosts", hosts.joined(separator: ","), "--namespace", "blog", "--app", "blog",
                "--image", "registry.local:5000/blog:\(version)", "--backend-file", "blog.conf", "--poll", "0.1",
                "--drain", "0", "--post-deploy", postDeploy, "--reload", reload,
            ])
        let done = try await command.run(deadline: .seconds(600))
        try #require(done.succeeded, "\(done.output)\(done.error)")
        let isAlone = try await eventually {
            let pods = try await world.client.list(.pods, namespace: "blog").items
            return !pods.isEmpty
                && pods.allSatisfy {
                    let image = $0[at: "spec.containers"]?.array?.first?["image"]?.string
                    return image?.hasSuffix(":\(version)") == true
                }
        }
        try #require(isAlone)
    }

    /// Programs of the nodes as a login finds them. The machine is shared by all nodes: `sudo` takes the login to the files of the node
    /// whose address it came to.
    func programs(_ world: World) -> [String: String] {
        let node = "case $SSH_CONNECTION in *' 127.0.0.2 '*) node=node-2 ;; *) node=node-1 ;; esac\n"
        let files = "\(world.directory)/nodes/$node"
        return [
            "sudo": node
                + "for word; do shift; set -- \"$@\" \"$(printf %s \"$word\" | sed \"s|/etc/nginx/|\(files)/|\")\"; done\n"
                + "exec \"$@\"\n",
            "service": node
                + "exec nginx -p \(files) -c \(files)/nginx.conf -e \(files)/error.log -s reload\n",
            "deploy-blog": node
                + "# aws s3 cp s3://domain-deploy/blog/blog.tgz .\n"
                + "release=\(files)/srv/blog/releases/$(date +%s%N)\n"
                + "mkdir -p \"$release/public\" && ln -sfn \"$release\" \(files)/srv/blog/current\n",
        ]
    }
}
