/// A virtual host in nginx's whole configuration: its names, and where its requests go.
package struct LoadedHost: Sendable, Hashable {
    /// The protocol in which nginx passes requests on.
    package enum Pass: String, Sendable, Hashable, CaseIterable {
        case http = "proxy_pass"
        case fastcgi = "fastcgi_pass"
        case uwsgi = "uwsgi_pass"
        case scgi = "scgi_pass"
        case grpc = "grpc_pass"
        case memcached = "memcached_pass"
    }

    package struct Target: Sendable, Hashable {
        package var pass: Pass
        /// An upstream's name, or a host.
        package var host: String
        /// nginx speaks TLS to it.
        package var isTLS: Bool
        package var file: String
        package var line: Int

        /// `/etc/nginx/sites-enabled/blog, line 22`
        package var place: String { "\(file), line \(line)" }
    }

    /// As in `server_name`: also `_`, patterns and regular expressions.
    package var names: [String]
    package var targets: [Target]
    package var file: String
    package var line: Int

    /// The directives that pass requests to the upstream.
    package func targets(_ upstream: String) -> [Target] { targets.filter { $0.host == upstream } }
}

extension LoadedConfiguration {
    /// The virtual hosts of the `http` block.
    package var hosts: [LoadedHost] {
        http.filter { $0.name == "server" && $0.arguments.isEmpty }.map { server in
            let inside = server.all
            let variables = inside.filter { $0.name == "set" && $0.arguments.count == 2 }
            let targets = inside.flatMap { entry -> [LoadedHost.Target] in
                guard let pass = LoadedHost.Pass(rawValue: entry.name), let address = entry.arguments.first else {
                    return []
                }
                let (host, isTLS) = Self.host(address)
                // The values that a variable is set to in this host.
                let values = variables.filter { $0.arguments[0] == host }.map { Self.host($0.arguments[1]).host }
                return ([host] + values).map {
                    LoadedHost.Target(pass: pass, host: $0, isTLS: isTLS, file: entry.file, line: entry.line)
                }
            }
            return LoadedHost(
                names: (server.block ?? []).filter { $0.name == "server_name" }.flatMap(\.arguments),
                targets: targets,
                file: server.file,
                line: server.line
            )
        }
    }

    /// The host of `http://blogLB/path`, `blogLB`, `127.0.0.1:30000`, without a port.
    private static func host(_ address: String) -> (host: String, isTLS: Bool) {
        var rest = address[...]
        var scheme = ""
        if let separator = address.firstRange(of: "://") {
            scheme = address[..<separator.lowerBound].lowercased()
            rest = address[separator.upperBound...]
        }
        return (String(rest.prefix { $0 != "/" && $0 != ":" }), scheme == "https" || scheme == "grpcs")
    }

    /// Directives that send requests to one of the ports themselves, outside of the upstreams with these names. (`configuration.awk` of
    /// the node script reports the same for `viridian check`.)
    package func mentions(of ports: PortPair, outside upstreams: Set<String>) -> [Entry] {
        func isMention(_ entry: Entry) -> Bool {
            guard !Self.namesOnly.contains(entry.name) else { return false }
            return entry.arguments.enumerated().contains { index, word in
                entry.name == "set" && index == 1 && [ports.blue, ports.green].map(String.init).contains(word)
                    || word.namesPort(ports.blue) || word.namesPort(ports.green)
            }
        }
        func found(in entries: [Entry]) -> [Entry] {
            entries.flatMap { entry -> [Entry] in
                let isSwitched = entry.name == "upstream" && upstreams.contains(entry.arguments.first ?? "")
                return isSwitched ? [] : (isMention(entry) ? [entry] : []) + found(in: entry.block ?? [])
            }
        }
        return found(in: entries)
    }

    /// Directives that name a port and send no request there.
    private static let namesOnly: Set = [
        "proxy_redirect", "proxy_cookie_domain", "add_header", "more_set_headers", "log_format", "valid_referers",
        "sub_filter", "if",
    ]
}

extension String {
    /// Whether it has `:30000` that is not the beginning of a longer number.
    fileprivate func namesPort(_ port: Int) -> Bool {
        ranges(of: ":\(port)").contains { range in
            range.upperBound == endIndex || !("0"..."9").contains(self[range.upperBound])
        }
    }
}
