import Nginx
import ViridianConfiguration

/// What nginx on the nodes needs for an app: the file with its upstream, which releases edit from then on, and the virtual hosts
/// that send requests to it.
struct NginxSite {
    var app: AppConfiguration
    /// The directory of the upstream files.
    var backends: String

    var files: [RenderedFile] { [upstreamFile, hostFile] }

    var upstreamPath: String { "\(backends)/\(app.name).conf" }

    /// Blue is up, as it is before the first release.
    var upstreamFile: RenderedFile {
        let ports = PortPair(blue: app.ports.blue, green: app.ports.green)
        return RenderedFile(
            path: String(upstreamPath.drop { $0 == "/" }),
            text: UpstreamFile.rendered(
                upstream: app.upstream, ports: ports, live: ports.blue, preview: app.preview != nil))
    }

    var hostFile: RenderedFile {
        RenderedFile(path: "etc/nginx/conf.d/\(app.name).conf", text: hosts)
    }

    private var hosts: String {
        var text = "include \(upstreamPath);\n" + server(app.hosts, to: app.upstream, log: app.name.text)
        if let preview = app.preview {
            text += """

                # The colour that is not live: the candidate, while a release waits for somebody to try it. Static files are
                # those of the version that is live.

                """ + server([preview], to: UpstreamFile.previewName(of: app.upstream), log: "\(app.name).preview")
        }
        return text
    }

    /// The directory that static files are in.
    private var root: String { "\(app.artifact?.to ?? "/srv/\(app.name)")/current/public" }

    private func server(_ names: [String], to upstream: String, log: String) -> String {
        let name = names.isEmpty ? "_" : names.joined(separator: " ")
        let isFastCGI = app.protocol == .fastcgi
        return """
            server {
                listen 80;
                server_name \(name);
                # TLS ends at the load balancer, which tells how a visitor came.
                if ($http_x_forwarded_proto \(isFastCGI ? "!= \"https\"" : "= \"http\"")) {
                    return 301 https://$host$request_uri;
                }
                access_log /var/log/nginx/\(log).access.log;
                error_log /var/log/nginx/\(log).error.log;
            \(isFastCGI ? fastCGI(upstream) : http(upstream))
            }

            """
    }

    private func fastCGI(_ upstream: String) -> String {
        """
            root \(root);
            index index.php index.html index.htm;
            location ~* \\.(png|jpg|jpeg|gif|swf|xml|txt|ico|pdf|flv)$ {
                expires 365d;
            }
            location / {
                location ~ /\\.ht { deny all; }
                try_files $uri $uri/ /index.php$is_args$args;
            }
            location ~ \\.php$ {
                try_files $uri =404;
                fastcgi_pass \(upstream);
                proxy_set_header X-Forwarded-Proto https;
                fastcgi_index index.php;
                fastcgi_param SCRIPT_FILENAME /code/public/$fastcgi_script_name;
                include fastcgi_params;
                fastcgi_param APPLICATION_ENV production;
            }
        """
    }

    private func http(_ upstream: String) -> String {
        // The balancer in front knows how the visitor came.
        let proxy = VirtualHost.proxying(to: upstream, scheme: "$http_x_forwarded_proto")
            .map { "        " + $0 }.joined(separator: "\n")
        guard app.artifact != nil || app.postDeploy != nil else {
            return "    location / {\n\(proxy)\n    }"
        }
        return """
                root \(root);
                location / {
                    try_files $uri @app;
                }
                location @app {
            \(proxy)
                }
            """
    }
}
