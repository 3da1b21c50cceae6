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
            let files = hasFiles ? " Static files are\n# those of the version that is live." : ""
            text += """

                # The colour that is not live: the candidate, while a release waits for somebody to try it.\(files)
                # A file of upstreams that was there before `preview` was configured lacks this one: add upstream
                # \(UpstreamFile.previewName(of: app.upstream)) to \(upstreamPath), with `down` at the other port than in \(app.upstream).

                """ + server([preview], to: UpstreamFile.previewName(of: app.upstream), log: "\(app.name).preview")
        }
        return text
    }

    /// Whether releases put files of the app on the nodes. Otherwise they are in its containers only.
    private var hasFiles: Bool { app.artifact != nil || app.postDeploy != nil }

    /// The directory that static files are in.
    private var root: String { "\(app.artifact?.to ?? "/srv/\(app.name)")/current/public" }

    private func server(_ names: [String], to upstream: String, log: String) -> String {
        let name = names.isEmpty ? "_" : names.joined(separator: " ")
        let any =
            names.isEmpty
            ? "    # Every name that no other site on this machine has, which may be so of one site only: give apps their `hosts`.\n"
            : ""
        let isFastCGI = app.protocol == .fastcgi
        return """
            server {
                listen 80;
            \(any)    server_name \(name);
                # TLS ends at the load balancer, which says how a visitor came.\(isFastCGI ? " What did not come by https is sent there." : "")
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
        let application = """
                    fastcgi_pass \(upstream);
                    fastcgi_index index.php;
                    fastcgi_param SCRIPT_FILENAME /code/public/$fastcgi_script_name;
                    include fastcgi_params;
                    fastcgi_param HTTPS on;
                    fastcgi_param APPLICATION_ENV production;
                }
            """
        guard hasFiles else {
            return """
                    # The app's files are in its containers only, where PHP alone can read them: every request goes to it. For files that
                    # nginx is to send by itself, give the app an `artifact`.
                    location / {
                        location ~ /\\.ht { deny all; }
                        rewrite ^ /index.php last;
                    }
                    location ~ \\.php$ {
                \(application)
                """
        }
        return """
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
            \(application)
            """
    }

    private func http(_ upstream: String) -> String {
        // The balancer in front knows how the visitor came.
        let proxy = VirtualHost.proxying(to: upstream, scheme: "$http_x_forwarded_proto")
            .map { "        " + $0 }.joined(separator: "\n")
        guard hasFiles else {
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

extension [AppConfiguration] {
    /// - Throws: `ScaffoldError` where nginx could not tell the apps' sites apart.
    func checkHosts() throws(ScaffoldError) {
        let nameless = filter(\.hosts.isEmpty)
        guard nameless.count > 1 else { return }
        throw ScaffoldError(
            "\(nameless.map(\.name.text).joined(separator: " and ")) have no `hosts`: nginx would send every request to the first of "
                + "them. Give each its hosts (apps/*.yaml)")
    }
}
