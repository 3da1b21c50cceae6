import Foundation
import HTTPTransport
import TestSupport
import Testing

@Suite("Proxies")
struct ProxyTests {
    // MARK: The environment

    /// The results of Go's httpproxy (its table, and case 19).
    @Test(
        "NO_PROXY exempts hosts, suffixes, addresses, ranges and ports, and loopback is always exempt",
        arguments: [
            ("https://api.example.com:6443", "", true),
            ("https://api.example.com:6443", "example.com", false),
            ("https://example.com", "example.com", false),
            ("https://api.example.com", ".example.com", false),
            ("https://example.com", ".example.com", true),
            ("https://api.example.com", "*.example.com", false),
            ("https://example.com", "*.example.com", true),
            ("https://badexample.com", "example.com", true),
            ("https://API.Example.com", "api.EXAMPLE.com", false),
            ("https://api.example.com:6443", "api.example.com:6443", false),
            ("https://api.example.com:6443", "api.example.com:443", true),
            ("https://api.example.com", "api.example.com:443", false),
            ("https://10.1.2.3:6443", "10.0.0.0/8", false),
            ("https://11.1.2.3:6443", "10.0.0.0/8", true),
            ("https://10.1.2.3", "10.1.2.0/23,.svc", false),
            ("https://10.1.4.3", "10.1.2.0/23", true),
            ("https://10.1.2.3", "10.1.2.3", false),
            ("https://10.1.2.3:6443", "10.1.2.3:6443", false),
            ("https://10.1.2.3:6443", "10.1.2.3:443", true),
            ("https://10.1.2.3", ".3", true),
            ("https://blog.svc", " 10.0.0.0/8 , .svc ", false),
            ("https://[fd00::1]:6443", "fd00::/16", false),
            ("https://[fd00::1]:6443", "fd00::1", false),
            ("https://[fd00::1]:6443", "[fd00::1]:6443", false),
            ("https://[fd01::1]:6443", "fd00::/16", true),
            ("https://api.example.com", "*", false),
            ("https://api.example.com", "x,*", false),
            ("https://api.example.com", ":443,,/8", true),
            ("https://localhost:6443", "", false),
            ("https://127.0.0.1:6443", "", false),
            ("https://127.9.9.9", "", false),
            ("https://[::1]:6443", "", false),
            ("https://[::ffff:127.0.0.1]:6443", "", false),
            ("http://api.example.com", "", false),
        ])
    func exemptions(url: String, exempt: String, isProxied: Bool) throws {
        for name in ["NO_PROXY", "no_proxy"] {
            let environment = ProxyEnvironment(["HTTPS_PROXY": "http://proxy.example:3128", name: exempt])
            let proxy = try environment.proxy(for: url)
            #expect((proxy != nil) == isProxied)
        }
    }

    @Test("each scheme has its variable, in capitals or not, as a URL or as host and port")
    func variables() throws {
        func proxy(_ url: String, _ environment: [String: String]) throws -> String? {
            try ProxyEnvironment(environment).proxy(for: url)?.description
        }
        #expect(
            try proxy("https://a.example", ["HTTPS_PROXY": "proxy:3128", "https_proxy": "other:1"])
                == "the proxy proxy:3128 (HTTPS_PROXY)")
        #expect(
            try proxy("https://a.example", ["HTTPS_PROXY": "", "https_proxy": "http://other"])
                == "the proxy other:80 (https_proxy)")
        #expect(
            try proxy("http://a.example", ["HTTP_PROXY": "http://[fd00::1]:3128/"])
                == "the proxy [fd00::1]:3128 (HTTP_PROXY)")
        #expect(try proxy("https://a.example", ["HTTP_PROXY": "http://proxy:3128"]) == nil)
        #expect(
            try proxy("https://a.example", ["HTTPS_PROXY": "socks5://proxy"]) == "the proxy proxy:1080 (HTTPS_PROXY)")
    }

    @Test("an unusable proxy is reported without its password")
    func unusable() throws {
        func problem(_ text: String) -> String? {
            let error = #expect(throws: ProxyError.self) {
                try ProxyEnvironment(["HTTPS_PROXY": text]).proxy(for: "https://a.example")
            }
            return error?.description
        }
        #expect(
            problem("https://me:secret@proxy:3128")
                == "HTTPS_PROXY names a proxy with https://, which is not supported; use http:// or socks5://")
        #expect(
            problem("http://me:secret@:3128") == "HTTPS_PROXY is not the URL of a proxy; http://host:port is expected")
        #expect(
            problem("socks5://me:secret@proxy")
                == "HTTPS_PROXY has a user for a SOCKS proxy, which is not supported")
    }

    // MARK: On the wire

    private func proxy(_ port: Int, user: String = "") throws -> ProxyServer {
        try ProxyServer("http://\(user)127.0.0.1:\(port)", origin: "HTTPS_PROXY")
    }

    @Test("a call goes through the proxy by CONNECT, with its user and password, and so does a stream")
    func tunnel() async throws {
        try await withServer({ request, _ in .text("\(request.path)\n") }) { server in
            let target = server.port
            let expected = "Basic " + Data("me:se:cret".utf8).base64EncodedString()
            try await withConnectProxy(
                to: { $0 == "api.example:6443" ? target : nil }, authorization: expected
            ) { proxy in
                let connection = try HTTPConnection(
                    baseURL: "http://api.example:6443", proxy: self.proxy(proxy.port, user: "me:se%3Acret@"))
                let answer = try await connection.send(Call("GET", "/version"))
                #expect(String(decoding: answer.body, as: UTF8.self) == "/version\n")
                var lines = try await connection.lines(Call("GET", "/watch")).makeAsyncIterator()
                #expect(try await lines.next()?.text == "/watch")
                await connection.shutdown()
                #expect(await proxy.asked.all.allSatisfy { $0.hasPrefix("CONNECT api.example:6443 HTTP/1.1\r\n") })
            }
        }
    }

    @Test("behind a proxy a certificate must be for the server, not for the proxy", .enabled(if: openssl != nil))
    func certificate() async throws {
        func make(_ authority: Authority) throws {
            try authority.sign("far", extensions: "subjectAltName=IP:10.99.0.1,DNS:*.example.com")
        }
        try await withTLSServer(certificate: "far", making: make) { authority, url in
            let trust = try authority.trust
            let port = try #require(Int(url.split(separator: ":").last ?? ""))
            try await withConnectProxy(to: { _ in port }) { proxy in
                let through = try self.proxy(proxy.port)
                #expect(
                    try await page("https://10.99.0.1:6443", .init(trust: trust), proxy: through).contains("s_server"))
                #expect(
                    try await page("https://api.example.com:6443", .init(trust: trust), proxy: through)
                        .contains("s_server"))
                let named = TLSIdentity(trust: trust, serverName: "other.example.com")
                #expect(try await page("https://10.99.0.2", named, proxy: through).contains("s_server"))
                for wrong in ["https://10.99.0.2:6443", "https://a.b.example.com", "https://example.com"] {
                    let error = try await transportError {
                        _ = try await page(wrong, .init(trust: trust), proxy: through)
                    }
                    #expect(error.description.hasSuffix("failed: its certificate is for another name"), "\(wrong)")
                }
                #expect(await proxy.asked.all.first?.hasPrefix("CONNECT 10.99.0.1:6443 ") == true)
            }
        }
        // One for the address of the proxy.
        try await withTLSServer { authority, url in
            let trust = try authority.trust
            let port = try #require(Int(url.split(separator: ":").last ?? ""))
            try await withConnectProxy(to: { _ in port }) { proxy in
                let error = try await transportError {
                    _ = try await page("https://10.99.0.1:6443", .init(trust: trust), proxy: self.proxy(proxy.port))
                }
                #expect(error.description == "TLS with 10.99.0.1:6443 failed: its certificate is for another name")
            }
        }
    }

    @Test("failures of the proxy are reported as the proxy's, without its password")
    func troubles() async throws {
        @Sendable func trouble(_ port: Int) async throws -> TransportError {
            let connection = try HTTPConnection(
                baseURL: "http://api.example:6443", proxy: self.proxy(port, user: "me:secret@"))
            let error = try await transportError { _ = try await connection.send(Call("GET", "/")) }
            await connection.shutdown()
            #expect(error.nothingWasSent)
            return error
        }
        try await withConnectProxy(to: { _ in nil }) { proxy in
            let error = try await trouble(proxy.port)
            #expect(
                error.description
                    == "api.example:6443 cannot be reached: the proxy 127.0.0.1:\(proxy.port) (HTTPS_PROXY) "
                    + "refused to connect to it")
        }
        try await withConnectProxy(to: { _ in 1 }, authorization: "Basic other") { proxy in
            let error = try await trouble(proxy.port)
            #expect(
                error.description
                    == "api.example:6443 cannot be reached: the proxy 127.0.0.1:\(proxy.port) (HTTPS_PROXY) "
                    + "requires a user and a password, or rejected the ones given")
        }
        #expect(
            try await trouble(1).description
                == "api.example:6443 cannot be reached: the proxy 127.0.0.1:1 (HTTPS_PROXY) "
                + "refused the connection: nothing is listening there")
        let proxy = try proxy(3128, user: "me:secret@")
        var dumped = ""
        dump(proxy, to: &dumped)
        #expect(!"\(proxy) \(proxy.debugDescription) \(dumped)".contains("secret"))
    }
}
