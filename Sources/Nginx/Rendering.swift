extension UpstreamFile {
    /// A new file for an app, the article's with `max_fails=0` (see `serversThatMayFail`).
    package static func rendered(upstream: String, ports: PortPair, live: Int) -> String {
        func server(_ port: Int) -> String {
            "    server 127.0.0.1:\(port) max_fails=0\(port == live ? "" : " down");\n"
        }
        return "upstream \(upstream) {\n" + server(ports.blue) + server(ports.green) + "}\n"
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

    package var rendered: String {
        """
        server {
            listen \(listen);
            server_name \(names.isEmpty ? "_" : names.joined(separator: " "));

            location / {
                proxy_pass http://\(upstream);
                proxy_http_version 1.1;
                proxy_set_header Connection "";
                proxy_set_header Host $host;
                proxy_set_header X-Real-IP $remote_addr;
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                proxy_set_header X-Forwarded-Proto $scheme;
            }
        }

        """
    }
}
