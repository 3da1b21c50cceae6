import Foundation
import Kubernetes
import Testing

@testable import Sandbox

@Suite("numbers out of range", .serialized)
struct NumberTests {
    private let most = "9223372036854775807"

    @Test("a number out of range of the API's types is refused, with the name of the field")
    func refused() async throws {
        try await withSandbox { cluster, kubectl in
            func refused(_ kind: String, _ object: String, naming field: String) async throws {
                let answer = try await cluster.call(kind, "-d", object)
                #expect(answer.code == 422, "\(field): \(answer)")
                #expect(answer.body["message"]?.string?.contains("\(field): Invalid value: ") == true, "\(answer.body)")
            }
            func pod(_ spec: String, _ container: String = "") -> String {
                #"{"metadata":{"name":"x"},"spec":{\#(spec)"containers":[{"name":"x","image":"busybox"\#(container)}]}}"#
            }
            let pods = "/api/v1/namespaces/blog/pods"
            for number in [most, "2147483648", "-1", #""ten""#] {
                try await refused(
                    pods, pod(#""terminationGracePeriodSeconds":\#(number),"#),
                    naming: "spec.terminationGracePeriodSeconds")
                for name in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold"] {
                    try await refused(
                        pods, pod("", #","readinessProbe":{"tcpSocket":{"port":1},"\#(name)":\#(number)}"#),
                        naming: "spec.containers[0].readinessProbe.\(name)")
                }
            }
            try await refused(
                pods, pod("", #","livenessProbe":{"httpGet":{"port":70000}}"#),
                naming: "spec.containers[0].livenessProbe.httpGet.port")
            try await refused(
                pods, pod("", #","lifecycle":{"preStop":{"sleep":{"seconds":\#(most)}}}"#),
                naming: "spec.containers[0].lifecycle.preStop.sleep.seconds")
            for number in [most, "1001", "-1"] {
                let controller = #"""
                    {"metadata":{"name":"x"},"spec":{"replicas":\#(number),"selector":{"a":"b"},"template":
                    {"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"x","image":"busybox"}]}}}}
                    """#
                try await refused(
                    "/api/v1/namespaces/blog/replicationcontrollers", controller, naming: "spec.replicas")
            }
            #expect(await cluster.pods().isEmpty)
            try await kubectl("apply", "-f", "-", input: Samples.controller("blue", replicas: 0))
            let said = try await kubectl.failing("scale", "rc", "blog-blue", "-n", "blog", "--replicas=2147483647")
            #expect(said.contains("spec.replicas: Invalid value: 2147483647: must be less than or equal to 1000"))
        }
    }

    @Test("a deletion with an endless grace period is refused, and the sandbox keeps running")
    func grace() async throws {
        try await withSandbox { cluster, kubectl in
            try await kubectl("apply", "-f", "-", input: Samples.pod("one", "sleep 1000"))
            _ = try await cluster.waitFor(.pods, "one") { $0.isReady }
            let one = "/api/v1/namespaces/blog/pods/one"
            for number in [most, "-1", "2147483648"] {
                let answer = try await cluster.call(one + "?gracePeriodSeconds=\(number)", "-X", "DELETE")
                #expect(answer.code == 422, "\(answer)")
                let body = #"{"gracePeriodSeconds":\#(number)}"#
                #expect(try await cluster.call(one, "-X", "DELETE", "-d", body).code == 422)
            }
            #expect(try await cluster.call(one + "?gracePeriodSeconds=2147483647", "-X", "DELETE").code == 200)
            let last = try await cluster.call(one + "?gracePeriodSeconds=0", "-X", "DELETE")
            #expect([200, 404].contains(last.code), "\(last)")
        }
    }

    @Test("statuses, annotations, quotas and queries of any size do not crash the sandbox")
    func anywhere() async throws {
        try await withSandbox { cluster, kubectl in
            try await kubectl("apply", "-f", "-", input: Samples.pod("one", "sleep 1000"))
            _ = try await cluster.waitFor(.pods, "one") { $0.isReady }
            let status = #"{"status":{"containerStatuses":[{"restartCount":\#(most)},{"restartCount":\#(most)}]}}"#
            let merge = ["-X", "PATCH", "-H", "Content-Type: application/merge-patch+json", "-d"]
            let one = "/api/v1/namespaces/blog/pods/one"
            #expect(try await cluster.call(one + "/status", merge + [status]).code == 200)
            #expect(try await kubectl("get", "pods", "-n", "blog").contains("one"))
            for limit in ["1e30", "nan", "inf", "-1e30"] {
                let quota = #"{"metadata":{"generateName":"q-"},"spec":{"hard":{"pods":"\#(limit)"}}}"#
                let all = "/api/v1/namespaces/default/resourcequotas"
                #expect(try await cluster.call(all, "-d", quota).code == 201)
            }
            let other = #"{"metadata":{"name":"x"},"spec":{"containers":[{"name":"x","image":"busybox"}]}}"#
            _ = try await cluster.call("/api/v1/namespaces/default/pods", "-d", other)
            for query in ["limitBytes=-1", "tailLines=-5", "sinceSeconds=-\(most)", "limitBytes=\(most)"] {
                #expect(try await cluster.call(one + "/log?\(query)").code == 200, "\(query)")
            }
            let watch = "/api/v1/pods?watch=1&timeoutSeconds=-\(most)"
            #expect(try await cluster.call(watch).code == 200)
            try await kubectl(
                "create", "deployment", "web", "-n", "blog", "--image=registry.local:5000/blog:1", "--replicas=1")
            _ = try await cluster.waitFor(.deployments, "web") { $0[at: "status.availableReplicas"] == 1 }
            try await kubectl(
                "annotate", "rs", "--all", "-n", "blog", "--overwrite", "deployment.kubernetes.io/revision=\(most)")
            try await kubectl(
                "patch", "deployment", "web", "-n", "blog", "-p",
                #"{"spec":{"strategy":{"rollingUpdate":{"maxSurge":"1e300%","maxUnavailable":"nan%"}}}}"#)
            try await kubectl("set", "image", "deployment/web", "-n", "blog", "*=registry.local:5000/blog:2")
            _ = try await cluster.waitFor(.deployments, "web") { $0[at: "status.updatedReplicas"] == 1 }
        }
    }
}
