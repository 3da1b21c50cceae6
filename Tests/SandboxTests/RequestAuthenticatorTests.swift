import Foundation
import Kubernetes
import Processes
import Testing

@testable import Sandbox

@Suite("access to the sandbox", .serialized)
struct RequestAuthenticatorTests {
    private let pods = "/api/v1/namespaces/blog/pods"
    private let pod = #"{"metadata":{"name":"x"},"spec":{"containers":[{"name":"x","image":"busybox"}]}}"#

    @Test("without the sandbox's token every request is refused and nothing is started")
    func token() async throws {
        try await withSandbox { cluster, kubectl in
            for header in [
                "Authorization:", "Authorization: Bearer", "Authorization: Bearer x", "Authorization: Basic eDp4",
            ] {
                for path in [pods, "/version", "/healthz", "/openapi/v2"] {
                    let answer = try await cluster.call(path, "-H", header)
                    #expect(answer.code == 401, "\(header) \(path)")
                }
                #expect(try await cluster.call(pods, "-H", header, "-d", pod).code == 401)
            }
            #expect(await cluster.pods().isEmpty)
            #expect(try await cluster.call(pods, "-d", pod).code == 201)
        }
    }

    @Test("each sandbox has its own token, in a kubeconfig that only its user can read")
    func kubeconfig() async throws {
        #expect(SandboxConfiguration().token != SandboxConfiguration().token)
        try await withSandbox { cluster, kubectl in
            let path = kubectl.directory.appending(path: "config").path
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(cluster.token.count == 40)
            // An existing file is replaced, and a link is not followed.
            let other = kubectl.directory.appending(path: "other").path
            try "mine".write(toFile: other, atomically: true, encoding: .utf8)
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: other)
            try cluster.writeKubeconfig(to: path)
            #expect(try String(contentsOfFile: other, encoding: .utf8) == "mine")
            #expect(try await kubectl("get", "ns").contains("blog"))
        }
    }

    @Test("requests of web pages are refused, also with the token")
    func webPages() async throws {
        try await withSandbox { cluster, kubectl in
            for header in [
                "Origin: https://evil.example", "Origin: null", "Host: evil.example:6443",
                "Host: 127.0.0.1.evil.example",
                "Host: evil.example", "Host:",
            ] {
                let answer = try await cluster.call(pods, "-H", header, "-d", pod)
                #expect(answer.code == 403, "\(header): \(answer)")
            }
            for type in [
                "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                "application/vnd.kubernetes.protobuf", "",
            ] {
                let answer = try await cluster.call(pods, "-H", "Content-Type: \(type)", "-d", pod)
                #expect(answer.code == 415, "\(type): \(answer)")
                #expect(answer.body["reason"] == "UnsupportedMediaType")
            }
            #expect(await cluster.pods().isEmpty)
            for host in ["localhost:1", "LOCALHOST", "[::1]:6443", "127.0.0.1"] {
                #expect(try await cluster.call(pods, "-H", "Host: \(host)").code == 200, "\(host)")
            }
            let yaml = try await cluster.call(pods, "-H", "Content-Type: application/json; charset=utf-8", "-d", pod)
            #expect(yaml.code == 201)
        }
    }
}
