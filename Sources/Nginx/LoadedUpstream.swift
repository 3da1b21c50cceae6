/// An upstream in nginx's whole configuration: its servers, and whatever else is in it.
package struct LoadedUpstream: Sendable, Hashable {
    package var name: String
    package var file: String
    package var line: Int
    package var servers: [UpstreamServer]
    /// Its other directives: `ip_hash`, `keepalive 16`.
    package var others: [LoadedConfiguration.Entry]

    /// Whether it is for the colour that is not live, by its name.
    package var isPreview: Bool { name.hasSuffix(UpstreamFile.previewSuffix) }

    /// The servers on this port of the loopback interface.
    package func servers(onPort port: Int) -> [UpstreamServer] { servers.filter { $0.loopbackPort == port } }

    /// Whether it has servers on both ports.
    package func has(_ ports: PortPair) -> Bool {
        !servers(onPort: ports.blue).isEmpty && !servers(onPort: ports.green).isEmpty
    }

    /// Which of the two ports gets requests.
    package func routing(_ ports: PortPair) -> Routing {
        let isUp = [ports.blue, ports.green].map { servers(onPort: $0).contains { !$0.isDown } }
        return switch (isUp[0], isUp[1]) {
        case (true, true): .both
        case (true, false): .only(ports.blue)
        case (false, true): .only(ports.green)
        case (false, false): .neither
        }
    }

    /// The ports of its servers on the loopback interface, each once, in their order.
    package var loopbackPorts: [Int] {
        servers.compactMap(\.loopbackPort).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
}

extension LoadedConfiguration {
    /// The upstreams of the `http` block.
    package var upstreams: [LoadedUpstream] {
        http.filter { $0.name == "upstream" && $0.arguments.count == 1 }.map { upstream in
            let block = upstream.block ?? []
            return LoadedUpstream(
                name: upstream.arguments[0],
                file: upstream.file,
                line: upstream.line,
                servers: block.filter { $0.name == "server" && !$0.arguments.isEmpty }.map {
                    UpstreamServer(
                        address: $0.arguments[0], parameters: Array($0.arguments.dropFirst()), line: $0.line, words: [])
                },
                others: block.filter { $0.name != "server" }
            )
        }
    }
}
