import Foundation
import Kubernetes
import Testing

@testable import Sandbox

@Suite("kubectl and the article's way of deploying")
struct WalkthroughTests {
    @Test("the article's services and controllers, applied, scaled, read and deleted with kubectl")
    func walkthrough() async throws {
        try await withSandbox { cluster, kubectl in
            try await kubectl("apply", "-f", "-", input: Samples.service("blue"))
            try await kubectl("create", "-f", "-", input: Samples.controller("blue"))
            try await kubectl(
                "wait", "-n", "blog", "--for=condition=Ready", "pod", "-l", "name=blog-blue", "--timeout=20s")

            let service = try await cluster.store.get(.services, "blog", "blog-blue")
            let port = try #require(Objects.nodePorts(of: service).first)
            #expect(try await fetch(port).hasPrefix("20151025.143403 blog-blue-"))

            let table = try await kubectl("get", "pods", "-n", "blog")
            #expect(table.contains("NAME"))
            #expect(table.contains("1/1     Running   0"), "\(table)")
            #expect(try await kubectl("get", "rc", "-n", "blog").contains("DESIRED   CURRENT   READY"))
            #expect(try await kubectl("get", "svc", "-n", "blog").contains("9000:\(port)/TCP"))

            try await kubectl("scale", "rc", "blog-blue", "-n", "blog", "--replicas=3")
            _ = try await cluster.waitFor(.replicationControllers, "blog-blue") {
                $0[at: "status.readyReplicas"]?.integer == 3
            }
            let pod = try #require(await cluster.pods().first).meta.name
            #expect(try await kubectl("logs", pod, "-n", "blog").contains("listening on 127."))

            try await kubectl("delete", "rc", "blog-blue", "-n", "blog", "--timeout=20s")
            try await kubectl("wait", "-n", "blog", "--for=delete", "pod", "--all", "--timeout=20s")
            #expect(await cluster.pods().isEmpty)
        }
    }
}
