import Foundation
import HTTPTransport
import TestSupport
import Testing

/// Another implementation of RFC 6455, which refuses what breaks it.
@Suite(
    "WebSockets and the PyPI library websockets",
    .enabled("no python3 has websockets (script/bootstrap installs it)") {
        await Python.find("websockets.asyncio.server") != nil
    })
struct WebSocketServerTests {
    /// The client's messages, and what the server says after its port.
    private func converse(
        _ steps: String, authority: Authority? = nil, host: String = "127.0.0.1", tls: TLSIdentity = .system,
        proxied: Bool = false, _ body: @escaping @Sendable (WebSocketConnection, String) async throws -> Void
    ) async throws -> (messages: [String], said: [[String: String]]) {
        var input = "{\"steps\": \(steps)"
        if let authority {
            input +=
                ", \"certificate\": \"\(authority.folder)/server.crt\", \"key\": \"\(authority.folder)/server.key\""
        }
        let isSecure = authority != nil
        return try await PythonProgram.with(
            "websocket-server.py", modules: "websockets.asyncio.server", input: input + "}"
        ) { server in
            var lines = server.said.makeAsyncIterator()
            let port = try #require(await lines.next()?["port"].flatMap { Int($0) })
            @Sendable func talk(_ url: String, _ proxy: ProxyServer?) async throws -> [String] {
                try await WebSocketConnection.withConnection(to: url, tls: tls, proxy: proxy) { socket in
                    var messages: [String] = []
                    for try await message in socket.messages {
                        messages.append(message)
                        try await body(socket, message)
                    }
                    return messages
                }
            }
            let messages: [String]
            if proxied {
                let target = "\(host):443"
                messages = try await withConnectProxy(to: { $0 == target ? port : nil }) { proxy in
                    try await talk(
                        "wss://\(host)/link", ProxyServer("http://127.0.0.1:\(proxy.port)", origin: "HTTPS_PROXY"))
                }
            } else {
                messages = try await talk("\(isSecure ? "wss" : "ws")://\(host):\(port)/link", nil)
            }
            var said: [[String: String]] = []
            while let line = await lines.next() { said.append(line) }
            return (messages, said)
        }
    }

    private let dialogue = """
        [{"do": "send", "text": "hello ü"}, {"do": "receive"}, {"do": "ping", "data": "are you there?"},
         {"do": "fragments", "texts": ["o", "ne", "", "!"]}, {"do": "receive"},
         {"do": "close", "code": 1001, "reason": "going away"}]
        """

    @Test("a conversation: messages both ways, fragments, a ping, and an end that both agree on")
    func conversation() async throws {
        let (messages, said) = try await converse(dialogue) { socket, message in
            try await socket.send("you said \(message)")
        }
        #expect(messages == ["hello ü", "one!"])
        #expect(
            said == [
                ["text": "you said hello ü"], ["pong": "are you there?"], ["text": "you said one!"],
                ["closed": "1001"],
            ])
    }

    @Test("the client's end is a closing handshake to the server")
    func clientCloses() async throws {
        struct Enough: Error {}
        let said = try await PythonProgram.with(
            "websocket-server.py", modules: "websockets.asyncio.server",
            input: #"{"steps": [{"do": "send", "text": "hello"}, {"do": "wait"}]}"#
        ) { server in
            var lines = server.said.makeAsyncIterator()
            let port = try #require(await lines.next()?["port"])
            await #expect(throws: Enough.self) {
                try await WebSocketConnection.withConnection(to: "ws://127.0.0.1:\(port)") { socket in
                    for try await _ in socket.messages { throw Enough() }
                }
            }
            return await lines.next()
        }
        #expect(said == ["closed": "1000"])
    }

    @Test("a long message passes both ways")
    func long() async throws {
        let text = String(repeating: "0123456789ü", count: 20_000)
        let (messages, said) = try await converse(
            "[{\"do\": \"send\", \"text\": \"\(text)\"}, {\"do\": \"receive\"}, {\"do\": \"close\", \"code\": 1000}]"
        ) { socket, message in try await socket.send(String(message.prefix(9000))) }
        #expect(messages == [text])
        #expect(said.first == ["text": String(text.prefix(9000))])
    }

    @Test("wss: only with a certificate for the host, from a trusted authority", .enabled(if: openssl != nil))
    func tls() async throws {
        let authority = try Authority()
        defer { authority.remove() }
        try authority.sign("server", extensions: "subjectAltName=DNS:localhost,DNS:*.slack.example")
        let trusted = TLSIdentity(trust: try authority.trust)
        let (messages, _) = try await converse(dialogue, authority: authority, host: "localhost", tls: trusted) {
            socket, _ in try await socket.send("secure")
        }
        #expect(messages == ["hello ü", "one!"])

        func refusal(_ host: String, _ tls: TLSIdentity) async throws -> TransportError {
            try await PythonProgram.with(
                "websocket-server.py", modules: "websockets.asyncio.server",
                input: """
                    {"steps": [], "certificate": "\(authority.folder)/server.crt", "key": "\(authority.folder)/server.key"}
                    """
            ) { server in
                var lines = server.said.makeAsyncIterator()
                let port = try #require(await lines.next()?["port"])
                return try await transportError {
                    try await WebSocketConnection.withConnection(to: "wss://\(host):\(port)/?ticket=secret", tls: tls) {
                        _ in
                    }
                }
            }
        }
        #expect(try await refusal("127.0.0.1", trusted).kind == .tls("its certificate is for another name"))
        #expect(
            try await refusal("localhost", .system).kind == .tls("its certificate is not signed by a trusted authority")
        )
    }

    @Test("wss through a proxy: by CONNECT, and the certificate is the server's", .enabled(if: openssl != nil))
    func proxy() async throws {
        let authority = try Authority()
        defer { authority.remove() }
        try authority.sign("server", extensions: "subjectAltName=DNS:*.slack.example")
        let trusted = TLSIdentity(trust: try authority.trust)
        let (messages, _) = try await converse(
            dialogue, authority: authority, host: "wss-primary.slack.example", tls: trusted, proxied: true
        ) { socket, _ in try await socket.send("through the proxy") }
        #expect(messages == ["hello ü", "one!"])
    }

    @Test("a server without TLS on the port is reported as such", .enabled(if: openssl != nil))
    func noTLS() async throws {
        let error = try await withServer({ _, _ in Reply() }) { server in
            try await transportError {
                try await WebSocketConnection.withConnection(to: "wss://127.0.0.1:\(server.port)") { _ in }
            }
        }
        #expect(error.kind == .tls("it does not speak TLS on this port"))
    }
}

@Suite("WebSockets through a proxy")
struct WebSocketProxyTests {
    private func refusal(_ proxy: ProxyServer) async throws -> String {
        try await transportError {
            try await WebSocketConnection.withConnection(
                to: "wss://wss-primary.slack.example/?ticket=secret", proxy: proxy
            ) { _ in }
        }.description
    }

    @Test("the proxy gets its user and password")
    func tunnel() async throws {
        let expected = "Basic " + Data("me:se:cret".utf8).base64EncodedString()
        let message = try await withRawWebSockets({ socket, _ in
            try await socket.open()
            try await socket.send(.text("hello"))
            for await _ in socket.frames {}
        }) { port in
            try await withConnectProxy(to: { $0 == "slack.example:80" ? port : nil }, authorization: expected) {
                proxy in
                try await WebSocketConnection.withConnection(
                    to: "ws://slack.example/link",
                    proxy: ProxyServer("http://me:se%3Acret@127.0.0.1:\(proxy.port)", origin: "HTTP_PROXY")
                ) { socket in
                    var messages = socket.messages.makeAsyncIterator()
                    return try await messages.next()
                }
            }
        }
        #expect(message == "hello")
    }

    @Test("failures of the proxy are reported as the proxy's, without its password and without the address")
    func failures() async throws {
        try await withConnectProxy(to: { _ in nil }) { proxy in
            let text = try await refusal(ProxyServer("127.0.0.1:\(proxy.port)", origin: "HTTPS_PROXY"))
            #expect(
                text == "wss-primary.slack.example:443 cannot be reached: the proxy 127.0.0.1:\(proxy.port) "
                    + "(HTTPS_PROXY) refused to connect to it (status 403)")
        }
        try await withConnectProxy(to: { _ in 1 }, authorization: "Basic other") { proxy in
            let text = try await refusal(
                ProxyServer("http://me:secret@127.0.0.1:\(proxy.port)", origin: "HTTPS_PROXY"))
            #expect(text.hasSuffix("requires a user and a password, or rejected the ones given"))
            #expect(!text.contains("secret"))
        }
        let port = try unusedPort()
        let gone = try await refusal(ProxyServer("127.0.0.1:\(port)", origin: "HTTPS_PROXY"))
        #expect(
            gone.hasSuffix(
                "the proxy 127.0.0.1:\(port) (HTTPS_PROXY) refused the connection: nothing is listening there"))
        let socks = try await refusal(ProxyServer("socks5://127.0.0.1:\(port)", origin: "HTTPS_PROXY"))
        #expect(socks.hasSuffix("(HTTPS_PROXY) is a SOCKS proxy, which is not supported for WebSockets"))
    }

    @Test("the environment's proxies are those of http and https")
    func environment() throws {
        let environment = ProxyEnvironment([
            "HTTPS_PROXY": "secure:1", "HTTP_PROXY": "plain:2", "NO_PROXY": ".local:443",
        ])
        #expect(try environment.proxy(for: "wss://wss-primary.slack.com/link")?.port == 1)
        #expect(try environment.proxy(for: "ws://slack.example/link")?.port == 2)
        #expect(try environment.proxy(for: "wss://slack.local/link") == nil)
    }
}
