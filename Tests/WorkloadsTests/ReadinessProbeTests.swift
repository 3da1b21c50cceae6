import Kubernetes
import ReleaseMachine
import Testing

@testable import Workloads

/// The kubelet's readiness probe, which nodes send too.
@Suite struct ReadinessProbeTests {
    @Test("path, headers, scheme and timeout are read, with the API's defaults")
    func fields() throws {
        let whole = try JSON(
            parsing: """
                {"httpGet": {"path": "/up?x=1", "port": 9000, "scheme": "HTTPS", "host": "",
                             "httpHeaders": [{"name": "Host", "value": "blog.internal"}, {"name": "X-Try", "value": "a"},
                                             {"name": "X-Try", "value": "b"}, {"name": "X-Empty"}]},
                 "timeoutSeconds": 7, "periodSeconds": 10}
                """)
        #expect(
            ReadinessProbe(whole)
                == ReadinessProbe(
                    path: "/up?x=1",
                    headers: [
                        .init("Host", "blog.internal"), .init("X-Try", "a"), .init("X-Try", "b"), .init("X-Empty", ""),
                    ],
                    isTLS: true, timeout: .seconds(7)))
        #expect(ReadinessProbe(["httpGet": ["port": 9000]]) == ReadinessProbe(path: "/", timeout: .seconds(1)))
        #expect(ReadinessProbe(["httpGet": ["port": 9000, "path": "up"]])?.path == "/up")
        #expect(ReadinessProbe(["tcpSocket": ["port": 9000]]) == nil)
        for seconds in [Int64.max, Int64.min, 0] {
            let probe = ReadinessProbe(["httpGet": ["port": 9000], "timeoutSeconds": .integer(seconds)])
            #expect((.seconds(1)...Duration.seconds(Int32.max)).contains(try #require(probe).timeout))
        }
    }

    @Test("only the probe on the app's port counts, by number or by name")
    func port() async throws {
        try await TestCluster.run { cluster in
            func containers(_ port: JSON) -> JSON {
                [
                    [
                        "name": "sidecar", "image": "busybox",
                        "readinessProbe": ["httpGet": ["port": 15021, "path": "/healthz/ready"]],
                    ],
                    [
                        "name": "blog", "image": .string("\(Blog.image):1"),
                        "ports": [["name": "web", "containerPort": 9000]],
                        "readinessProbe": ["httpGet": ["port": port, "path": "/up"]],
                    ],
                ]
            }
            for (color, port) in [("blue", JSON.integer(9000)), ("green", .string("web"))] {
                let template: JSON = [
                    "metadata": ["labels": ["name": .string("blog-\(color)")]],
                    "spec": ["containers": containers(port)],
                ]
                let object: JSON = [
                    "metadata": ["name": .string("blog-\(color)")],
                    "spec": ["replicas": 0, "selector": ["name": .string("blog-\(color)")], "template": template],
                ]
                _ = try await cluster.client.create(.replicationControllers, object)
            }
            let app = cluster.cluster()
            #expect(await app.readinessProbe(of: .blue)?.path == "/up")
            #expect(await app.readinessProbe(of: .green)?.path == "/up")
        }
    }
}
