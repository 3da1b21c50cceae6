import Kubernetes
import Testing

extension ShortCommands {
    /// A colour that another program manages.
    @Suite struct ManagedTests {
        @Test(
            "check warns of a workload that another program manages, and a release does not copy its ownership metadata"
        )
        func marks() async throws {
            try await withWorld(nodes: 1) { world in
                // A mirror: a configured template would not be changed.
                try world.write(
                    world.read("apps/blog.yaml").replacing("template: ../blog-pod.yaml\n", with: ""),
                    to: "apps/blog.yaml")
                try await world.release("v1")
                let before = try await world.viridian("check")
                #expect(!before.output.contains("managed by"), "\(before)")
                let marks: JSON = [
                    "metadata": [
                        "labels": ["app.kubernetes.io/instance": "blog"],
                        "annotations": ["argocd.argoproj.io/tracking-id": "blog:/ReplicationController:blog/blog-blue"],
                    ]
                ]
                _ = try await world.client.patch(.replicationControllers, "blog-blue", .merge(marks), namespace: "blog")
                let check = try await world.viridian("check")
                #expect(check.status == 0, "\(check)")
                let keys = "app.kubernetes.io/instance, argocd.argoproj.io/tracking-id"
                #expect(
                    check.lines.contains {
                        $0.hasPrefix("warning")
                            && $0.contains("ReplicationController blog-blue is also managed by Argo CD (\(keys)), ")
                    }, "\(check)")
                let said = try await world.release("v2")
                #expect(said.output.contains("Not copied from blog-blue: \(keys) (Argo CD)"), "\(said)")
                let green = try await world.client.get(.replicationControllers, "blog-green", namespace: "blog")
                #expect(green[at: "metadata.labels"]?["app.kubernetes.io/instance"] == nil)
                #expect(green[at: "metadata.annotations"]?["argocd.argoproj.io/tracking-id"] == nil)
            }
        }
    }
}
