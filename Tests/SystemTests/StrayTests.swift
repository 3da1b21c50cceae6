import Foundation
import Kubernetes
import Nginx
import Testing

extension Releases {
    /// Stray pods, and pods that terminate slowly.
    @Suite struct StrayTests {
        private static func stray(_ name: String, _ color: String) -> JSON {
            [
                "metadata": ["name": .string(name), "labels": ["name": .string("blog-\(color)")]],
                "spec": [
                    "terminationGracePeriodSeconds": 1,
                    "containers": [
                        [
                            "name": "blog", "image": "registry.local:5000/blog:v1", "ports": [["containerPort": 9000]],
                            "env": [["name": "POD_NAME", "value": .string(name)]],
                        ]
                    ],
                ],
            ]
        }

        @Test(
            "pods of an old version without an owner never serve as the new one: they are named, and deleted with --remove-strays"
        )
        func strays() async throws {
            try await withWorld(.init(replicas: 2)) { world in
                try await world.release("v1")
                for name in ["left-1", "left-2"] {
                    _ = try await world.client.create(.pods, Self.stray(name, "green"), namespace: "blog")
                }
                let check = try await world.viridian("check")
                #expect(check.status == 0, "\(check)")
                #expect(
                    check.lines.contains {
                        $0.hasPrefix("warning")
                            && $0.contains(
                                "2 pods would receive requests for green but do not belong to blog-green: left-1, left-2;"
                            )
                    }, "\(check)")
                let (refused, watched) = try await world.watched { try await world.deploy("v2") }
                #expect(refused.status == 2, "\(refused)")
                #expect(
                    refused.output.contains(
                        "2 pods that do not belong to this release would receive requests for green: left-1, left-2"),
                    "\(refused)")
                #expect(refused.output.contains("runs registry.local:5000/blog:v1 and has no owner"), "\(refused)")
                #expect(
                    refused.output.contains(
                        "viridian deploy blog --version v2 --remove-strays, or kubectl -n blog delete pod"),
                    "\(refused)")
                #expect(!refused.output.contains("Created blog-green"), "\(refused)")
                #expect(try await world.workloads() == ["blog-blue"])
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")

                let said = try await world.deploy("v2", "--remove-strays")
                #expect(said.status == 0, "\(said)")
                #expect(said.output.contains("Deleted pod left-1, which had no owner"), "\(said)")
                #expect(
                    said.output.contains("All pods are online! They run registry.local:5000/blog:v2 (sha256:"),
                    "\(said)")
                try await world.expectLive("v2", on: "green", release: 3)
                for _ in 1...20 {
                    let answer = try await fetch("http://127.0.0.1:\(world.ports.green)")
                    #expect(answer.hasPrefix("v2 green blog-green-"), "\(answer)")
                }
            }
        }

        @Test(
            "a release is done while old pods with a long grace period are terminating, and the next one to their colour waits for them"
        )
        func leaving() async throws {
            try await withWorld { world in
                // The pods terminate for ten seconds.
                let pod = try world.read("blog-pod.yaml")
                try world.write(
                    pod.replacing("terminationGracePeriodSeconds: 5", with: "terminationGracePeriodSeconds: 60")
                        .replacing(
                            "      ports:",
                            with: "      lifecycle: {preStop: {exec: {command: [sleep, '10']}}}\n      ports:"),
                    to: "blog-pod.yaml")
                try await world.release("v1")
                let second = try await world.release("v2")
                #expect(second.output.contains("1 pod of blog-blue is still terminating"), "\(second)")
                let old = try await world.client.list(.pods, namespace: "blog", labels: "name=blog-blue").items
                #expect(old.count == 1 && old[0][at: "metadata.deletionTimestamp"] != nil, "\(second)")
                let (third, watched) = try await world.watched { try await world.deploy("v3") }
                #expect(third.status == 0, "\(third)")
                #expect(
                    third.output.contains("Waiting for 1 former pod of blue to terminate: blog-blue-"), "\(third)")
                watched.expectUnnoticed("\(watched.failures.prefix(5)) \(watched.dark)")
                try await world.expectLive("v3", on: "blue", release: 3)
            }
        }
    }
}
