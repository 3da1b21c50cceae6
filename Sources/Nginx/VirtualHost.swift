/// A `server` block that passes everything to an app's upstream by HTTP.
package struct VirtualHost: Sendable, Hashable {
    /// What nginx's `listen` takes: `80`, `127.0.0.1:8080`.
    package var listen: String
    /// Host names; empty means any.
    package var names: [String]
    package var upstream: String

    package init(listen: String, names: [String] = [], upstream: String) {
        self.listen = listen
        self.names = names
        self.upstream = upstream
    }

    /// The directives that proxy a request by HTTP; `scheme` is nginx's variable for the visitor's scheme.
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
