import Nginx
import TextTemplates
import ViridianConfiguration

/// What nginx on the nodes needs for an app: the file with its upstream, which releases edit from then on, and the virtual hosts
/// that send requests to it.
struct NginxSite {
    var app: AppConfiguration
    /// The directory of the upstream files.
    var backends: String

    var files: [RenderedFile] { [upstreamFile, hostFile] }

    private var upstreamPath: String { "\(backends)/\(app.name).conf" }

    /// With blue up, as before the first release.
    var upstreamFile: RenderedFile {
        let ports = PortPair(blue: app.ports.blue, green: app.ports.green)
        return RenderedFile(
            path: String(upstreamPath.drop { $0 == "/" }),
            text: UpstreamFile.rendered(
                upstream: app.upstream, ports: ports, live: ports.blue, preview: app.preview != nil))
    }

    var hostFile: RenderedFile {
        RenderedFile(
            path: "etc/nginx/conf.d/\(app.name).conf", text: VirtualHosts(of: app, upstreamFile: upstreamPath).text)
    }
}

/// An app's `server` blocks: the one for visitors, and the preview's where there is one.
struct VirtualHosts: TemplateValues {
    static let template = TextTemplate(PackageResources.nginx_vhost_conf_mustache)

    /// The path of the file with the app's upstreams on the node.
    let upstreamFile: String
    let liveUpstream: String
    /// Whether the app speaks FastCGI; otherwise it is HTTP.
    let fastcgi: Bool
    /// The directory of static files on the node; `nil` where all files of the app are in its containers.
    let staticFiles: String?
    let servers: [Server]

    struct Server {
        /// Separated by spaces; `nil` for every name that no other site has.
        let hosts: String?
        let upstream: String
        /// What its logs are called.
        let log: String
        let isPreview: Bool
    }

    init(of app: AppConfiguration, upstreamFile: String) {
        self.upstreamFile = upstreamFile
        liveUpstream = app.upstream
        fastcgi = app.protocol == .fastcgi
        // Releases put files of the app on the nodes only with these.
        let hasFiles = app.artifact != nil || app.postDeploy != nil
        staticFiles = hasFiles ? "\(app.artifact?.to ?? "/srv/\(app.name)")/current/public" : nil
        let live = Server(
            hosts: app.hosts.isEmpty ? nil : app.hosts.joined(separator: " "), upstream: app.upstream,
            log: app.name.text, isPreview: false)
        let preview = app.preview.map { name in
            Server(
                hosts: name, upstream: UpstreamFile.previewName(of: app.upstream), log: "\(app.name).preview",
                isPreview: true)
        }
        servers = [live] + [preview].compactMap { $0 }
    }
}

extension [AppConfiguration] {
    /// - Throws: `ScaffoldError` where nginx could not tell the apps' sites apart.
    func checkHosts() throws(ScaffoldError) {
        let nameless = filter(\.hosts.isEmpty)
        guard nameless.count > 1 else { return }
        throw ScaffoldError(
            "\(nameless.map(\.name.text).joined(separator: " and ")) have no `hosts`: nginx would send every request to the first of "
                + "them. To fix: set `hosts` for each of them (apps/*.yaml)")
    }
}
