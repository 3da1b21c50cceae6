/// The two NodePorts of an app, one for each colour.
package struct PortPair: Sendable, Hashable {
    package var blue: Int
    package var green: Int

    package init(blue: Int, green: Int) {
        self.blue = blue
        self.green = green
    }

    package func other(than port: Int) -> Int { port == blue ? green : blue }

    func has(_ port: Int) -> Bool { port == blue || port == green }
}

/// Which of an app's two ports an upstream sends requests to.
package enum Routing: Sendable, Hashable {
    /// This port alone is up.
    case only(Int)
    /// Neither is marked `down`: requests go to both colours.
    case both
    /// Both are marked `down`: nginx answers 502.
    case neither

    package var port: Int? { if case .only(let port) = self { port } else { nil } }
}

/// One `server` line of an upstream.
package struct UpstreamServer: Sendable, Hashable {
    /// As nginx reads it: `127.0.0.1:30000`, `unix:/run/app.sock`, `app.example.com`.
    package var address: String
    /// Everything after the address: `weight=5`, `down`, `max_fails=0`.
    package var parameters: [String]
    package var line: Int
    var words: [Word]

    package var isDown: Bool { parameters.contains("down") }

    /// The port, if this is a server on the loopback interface; `nil` for other hosts and sockets, which are not the app's.
    package var loopbackPort: Int? {
        guard let colon = address.lastIndex(of: ":"), let port = Int(address[address.index(after: colon)...]) else {
            return nil
        }
        let host = address[..<colon]
        let isLoopback = host == "localhost" || host == "[::1]" || host.hasPrefix("127.")
        return isLoopback ? port : nil
    }
}

/// An `upstream NAME { … }` block.
package struct UpstreamBlock: Sendable, Hashable {
    package var name: String
    package var line: Int
    package var servers: [UpstreamServer]

    func servers(onPort port: Int) -> [UpstreamServer] { servers.filter { $0.loopbackPort == port } }

    /// Whether it has servers on both ports and no others.
    func isPair(of ports: PortPair) -> Bool {
        servers.allSatisfy { $0.loopbackPort.map { ports.has($0) } == true }
            && !servers(onPort: ports.blue).isEmpty && !servers(onPort: ports.green).isEmpty
    }

    /// Whether it is for the colour that is not live.
    var isPreview: Bool { name.hasSuffix(UpstreamFile.previewSuffix) }
}

/// A configuration file of nginx with its upstreams. `bytes` is exactly what was parsed, and an edit changes nothing but the word
/// `down`.
package struct UpstreamFile: Sendable, Hashable {
    package let bytes: [UInt8]
    package let upstreams: [UpstreamBlock]

    package init(parsing bytes: [UInt8]) throws(UpstreamFileError) {
        var parser = Parser(bytes)
        self.bytes = bytes
        self.upstreams = Self.upstreams(in: try parser.file())
    }

    package init(parsing text: String) throws(UpstreamFileError) {
        try self.init(parsing: Array(text.utf8))
    }

    /// The file's text. Bytes that are not UTF-8 appear as U+FFFD; `bytes` has them unchanged.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    private static func upstreams(in directives: [Directive]) -> [UpstreamBlock] {
        directives.flatMap { directive -> [UpstreamBlock] in
            guard let block = directive.block else { return [] }
            guard directive.name == "upstream", directive.words.count == 2 else { return upstreams(in: block) }
            let servers = block.filter { $0.name == "server" && $0.words.count > 1 && $0.block == nil }.map {
                UpstreamServer(
                    address: $0.words[1].value,
                    parameters: $0.words.dropFirst(2).map(\.value),
                    line: $0.line,
                    words: $0.words
                )
            }
            return [UpstreamBlock(name: directive.words[1].value, line: directive.line, servers: servers)]
        }
    }

    /// The upstream with this name. Throws when there is none, or more than one.
    package func upstream(_ name: String) throws(UpstreamFileError) -> UpstreamBlock {
        let found = upstreams.filter { $0.name == name }
        guard let first = found.first else { throw .noSuchUpstream(name: name, known: upstreams.map(\.name)) }
        guard found.count == 1 else { throw .duplicateUpstream(name: name, lines: found.map(\.line)) }
        return first
    }

    /// Which of the two ports gets requests. A port with several lines is up when one of them is, in the upstream or in another one that
    /// a switch edits with it.
    package func routing(of name: String, ports: PortPair) throws(UpstreamFileError) -> Routing {
        let upstream = try upstream(name)
        let others = upstreams.filter {
            $0.name != name && $0.isPreview == upstream.isPreview && $0.isPair(of: ports)
        }.flatMap(\.servers)
        let blue = (try servers(of: upstream, onPort: ports.blue) + others.filter { $0.loopbackPort == ports.blue })
            .contains { !$0.isDown }
        let green = (try servers(of: upstream, onPort: ports.green) + others.filter { $0.loopbackPort == ports.green })
            .contains { !$0.isDown }
        return switch (blue, green) {
        case (true, true): .both
        case (true, false): .only(ports.blue)
        case (false, true): .only(ports.green)
        case (false, false): .neither
        }
    }

    /// The lines of both ports without `max_fails=0`, which nginx may take out of use. With two servers in a group, `max_fails` defaults
    /// to 1: one refused connection makes nginx answer 502 for `fail_timeout` (10 s), because the only other server is `down`
    /// (`ngx_http_upstream_round_robin.c`: only a group of one is exempt).
    package func serversThatMayFail(in name: String, ports: PortPair) throws(UpstreamFileError) -> [UpstreamServer] {
        let upstream = try upstream(name)
        guard upstream.servers.count > 1 else { return [] }
        return upstream.servers.filter { server in
            guard let port = server.loopbackPort, port == ports.blue || port == ports.green else { return false }
            return !server.parameters.contains("max_fails=0")
        }
    }

    func servers(of upstream: UpstreamBlock, onPort port: Int) throws(UpstreamFileError) -> [UpstreamServer] {
        let servers = upstream.servers(onPort: port)
        guard !servers.isEmpty else {
            throw .noServer(
                port: port,
                upstream: upstream.name,
                line: upstream.line,
                servers: upstream.servers.map(\.address)
            )
        }
        return servers
    }
}
