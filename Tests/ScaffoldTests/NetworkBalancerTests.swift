import Foundation
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// Requests as a network load balancer passes them on: connections, with the visitor's address and without a header.
@Suite("nginx behind a network load balancer", .needs("nginx", "curl"), .needsPython("websockets.asyncio.server"))
struct NetworkBalancerTests {
    /// What `Tests/Oracles/http-app.py` answers.
    private struct Said: Decodable {
        var headers: [String: String]

        init(_ answer: NginxNode.Answer) throws {
            self = try JSONDecoder().decode(Said.self, from: Data(answer.body.utf8))
        }
    }

    @Test(
        "with nginx-network.conf a visitor who came by TLS keeps his address, and what he claims to be is not passed on"
    )
    func preserved() async throws {
        let apps = [try www()]
        let module = try Rendering.terraform.files(configuration(apps), apps: apps)
        let file = try #require(module.first { $0.path.hasSuffix("/nginx-network.conf") })
        try await withFolder { folder in
            let node = try NginxNode(apps, in: folder, others: ["network.conf": file.text])
            try await node.running {
                try await node.http("blue", on: 30010) {
                    let claims = [
                        "X-Forwarded-For: 203.0.113.5", "X-Real-IP: 203.0.113.5", "X-Forwarded-Proto: http",
                        "X-Forwarded-Host: evil.example.com",
                    ]
                    let answer = try await node.ask("www.domain.com", "/", at: 81, from: node.stranger, headers: claims)
                    let headers = try Said(answer).headers
                    #expect(headers["x-forwarded-for"] == node.stranger && headers["x-real-ip"] == node.stranger)
                    #expect(headers["x-forwarded-proto"] == "https" && headers["x-forwarded-host"] == "www.domain.com")
                    #expect(headers["host"] == "www.domain.com")
                    // What came without TLS is redirected.
                    let plain = try await node.ask("www.domain.com", "/", from: node.stranger, headers: [])
                    #expect(plain.status == 301, "\(plain)")
                }
            }
        }
    }

    @Test("with its proxy protocol, as the shared file says it is written, the balancer alone says who the visitor is")
    func proxyProtocol() async throws {
        try await withFolder { folder in
            let node = try NginxNode([try www()], in: folder) { text in
                text.replacing("listen 80", with: "listen 80 proxy_protocol")
                    .replacing("real_ip_header X-Forwarded-For;", with: "real_ip_header proxy_protocol;")
            }
            let request = """
                PROXY TCP4 203.0.113.7 203.0.113.80 40000 443\r
                GET / HTTP/1.1\r
                Host: www.domain.com\r
                X-Forwarded-Proto: https\r
                X-Forwarded-For: 198.51.100.1\r
                Connection: close\r
                \r

                """
            try await node.running {
                try await node.http("blue", on: 30010) {
                    for (source, visitor) in [(node.balancer, "203.0.113.7"), (node.stranger, node.stranger)] {
                        let answer = try await node.send(request, from: source)
                        #expect(try Said(answer).headers["x-forwarded-for"] == visitor, "\(answer)")
                    }
                }
            }
        }
    }
}
