extension UpstreamFile {
    /// A new file for an app, the article's with `max_fails=0` (see `serversThatMayFail`). With `preview` there is a second
    /// upstream in it, for the colour that is not live.
    package static func rendered(upstream: String, ports: PortPair, live: Int, preview: Bool = false) -> String {
        func block(_ name: String, up: Int) -> String {
            func server(_ port: Int) -> String {
                "    server 127.0.0.1:\(port) max_fails=0\(port == up ? "" : " down");\n"
            }
            return "upstream \(name) {\n" + server(ports.blue) + server(ports.green) + "}\n"
        }
        return block(upstream, up: live)
            + (preview ? block(previewName(of: upstream), up: ports.other(than: live)) : "")
    }
}

/// A `server` block that passes everything to an app's upstream by HTTP.
package struct VirtualHost: Sendable, Hashable {
    /// What nginx's `listen` takes: `80`, `127.0.0.1:8080`.
    package var listen: String
    /// Host names; none is any.
    package var names: [String]
    package var upstream: String

    package init(listen: String, names: [String] = [], upstream: String) {
        self.listen = listen
        self.names = names
        self.upstream = upstream
    }

    /// The directives that pass a request on by HTTP; `scheme` is nginx's variable for how the visitor came.
    package static func proxying(to upstream: String, scheme: String) -> [String] {
        [
            "proxy_pass http://\(upstream);",
            "proxy_http_version 1.1;",
            "proxy_set_header Connection \"\";",
            "proxy_set_header Host $host;",
            "proxy_set_header X-Real-IP $remote_addr;",
            "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
            "proxy_set_header X-Forwarded-Proto \(scheme);",
        ]
    }

    package var rendered: String {
        let proxy = Self.proxying(to: upstream, scheme: "$scheme").joined(separator: "\n        ")
        return """
            server {
                listen \(listen);
                server_name \(names.isEmpty ? "_" : names.joined(separator: " "));

                location / {
                    \(proxy)
                }
            }

            """
    }
}
