import Foundation
import Kubernetes
import Processes
import TestSupport
import Testing

extension Releases {
    /// The whole way of a newcomer: an empty folder, `init`, `app add`, everything rendered, applied with the programs that it is for, and
    /// requests through the rendered virtual host while versions replace each other. Nothing of what is rendered is changed for the test.
    @Suite struct FromAnEmptyFolderTests {
        @Test(
            "an article's node: everything is rendered and applied by kubectl and Salt, versions are released over SSH under load, and back",
            .needs("nginx", "kubectl", "salt-call", "sshd", "ssh", "ssh-keygen", "sudo", "visudo", "wrk", "curl"),
            .needsMachine)
        func articlesNode() async throws {
            try await withNewcomer { newcomer in
                let node = "10.122.43.70"
                try await newcomer("ip address add \(node)/32 dev lo")
                try await newcomer.startCluster()
                let began = try await newcomer(
                    "viridian init --app blog --host blog.domain.com --preview preview.blog.domain.com --node \(node)")
                #expect(began.contains("./viridian.yaml: written\n") && began.contains("./compose.yaml: written\n"))

                // Another team's service has a port of the pair that would be next.
                try await newcomer("kubectl create namespace legacy && kubectl apply -f -", input: Self.anotherService)
                let added = try await newcomer("viridian app add www --host www.domain.com")
                #expect(added.contains("30010 and 30011 are not free: service legacy/mail has 30010\n"), "\(added)")
                #expect(added.contains("apps/www.yaml: written, on ports 30020 (blue) and 30021 (green)\n"), "\(added)")

                try await newcomer.renderEverything()
                for what in ["kubernetes", "rbac"] { try await newcomer("kubectl apply -R -f out/\(what)") }
                try await newcomer.letIn(to: node)
                try await newcomer.applyStates()
                try await newcomer.shortenTheDrain()
                try await newcomer("viridian check")

                try await newcomer("viridian deploy blog --version v1 && viridian deploy www --version v1")
                try await newcomer.expect("200 v1", of: "blog.domain.com", at: node)
                try await newcomer.expect("200 v1", of: "www.domain.com", at: node)
                try await newcomer.expect("301", of: "blog.domain.com", at: node, scheme: "http")

                let load = try await newcomer.underLoad("blog.domain.com", at: node) {
                    "viridian deploy blog --version v2"
                }
                load.expectNoFailure()
                try await newcomer.expect("200 v2", of: "blog.domain.com", at: node)
                try await newcomer.expect("200 v1", of: "www.domain.com", at: node)
                let back = try await newcomer.underLoad("blog.domain.com", at: node) { "viridian rollback blog" }
                back.expectNoFailure()
                try await newcomer.expect("200 v1", of: "blog.domain.com", at: node)

                // What is live survives the next run of configuration management.
                try await newcomer("viridian deploy blog --version v3")
                try await newcomer.applyStates()
                try await newcomer.expect("200 v3", of: "blog.domain.com", at: node)
            }
        }

        @Test(
            "one machine: the three commands that init prints, as they are, and a release",
            .needs("nginx", "kubectl", "sudo", "curl"), .needsMachine)
        func oneMachine() async throws {
            try await withNewcomer { newcomer in
                try await newcomer.startCluster()
                let began = try await newcomer("viridian init --host blog.domain.com --transport local")
                // Debian's own default server: the head of 00-viridian.conf says so.
                try await newcomer("rm -f /etc/nginx/sites-enabled/default && nginx")
                let commands = began.split(separator: "\n").drop { $0 != "Next:" }.dropFirst().map(String.init)
                try #require(commands.count == 3, "\(began)")
                for command in commands.dropLast() { try await newcomer(command) }
                let checked = try await newcomer(commands[2])
                #expect(checked.contains("a switch is verified by a request through nginx"), "\(checked)")
                try await newcomer.shortenTheDrain()
                for version in ["v1", "v2"] {
                    try await newcomer("viridian deploy blog --version \(version)")
                    try await newcomer.expect("200 \(version)", of: "blog.domain.com", at: "127.0.0.1")
                }
            }
        }

        private static let anotherService = """
            apiVersion: v1
            kind: Service
            metadata: {name: mail, namespace: legacy}
            spec: {type: NodePort, ports: [{port: 25, nodePort: 30010}], selector: {name: mail}}

            """
    }
}
