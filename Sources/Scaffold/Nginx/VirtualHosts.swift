import Nginx
import TextTemplates
import ViridianConfiguration

/// An app's `server` blocks: the one for visitors, and the preview's where there is one.
struct VirtualHosts: TemplateValues {
    static let template = TextTemplate(PackageResources.nginx_vhost_conf_mustache)

    let app: String
    /// The path of the file with the app's upstreams on the node.
    let upstreamFile: String
    let liveUpstream: String
    /// Whether the app speaks FastCGI; otherwise it is HTTP.
    let fastcgi: Bool
    let hasPreview: Bool
    let servers: [Server]

    struct Server {
        /// Separated by spaces; empty for the default server.
        let hosts: String
        /// Whether it answers every name that no other server has.
        let isDefault: Bool
        let upstream: String
        /// What its logs are called.
        let log: String
        let isPreview: Bool
        /// The directory of static files on the node; `nil` where all files of the app are in its containers.
        let staticFiles: String?
        /// Whether nginx looks for a PHP script before it asks for it. For a preview that would be a script of the candidate's, and
        /// there may be no candidate.
        let scriptsAreFiles: Bool
        /// Where else nginx looks for a file. `nil` where releases of this app leave no other version's files on the node.
        let versions: OtherVersions?
    }

    /// Directories in which nginx looks one after the other, each a named location.
    struct OtherVersions {
        /// The first of them.
        let otherwise: String
        let others: [OtherVersion]

        // `fallback` answers for what is in none of them.
        init(_ links: [String], in directory: String, fallback: String) {
            let names = links.map { "@\($0)" } + [fallback]
            otherwise = names[0]
            others = links.indices.map {
                OtherVersion(name: names[$0], files: "\(directory)/\(links[$0])/public", next: names[$0 + 1])
            }
        }
    }

    struct OtherVersion {
        let name: String
        let files: String
        let next: String
    }

    init(of app: AppConfiguration, upstreamFile: String) {
        self.app = app.name.text
        self.upstreamFile = upstreamFile
        liveUpstream = app.upstream
        let isFastCGI = app.protocol == .fastcgi
        fastcgi = isFastCGI
        hasPreview = app.preview != nil
        // Releases put files of the app on the nodes only with these.
        let hasFiles = app.artifact != nil || app.postDeploy != nil
        let directory = app.artifact?.to ?? "/srv/\(app.name)"

        // `links`: of which version the files are, as a link in the directory, and of which versions otherwise.
        func server(
            _ hosts: [String], to upstream: String, log: String, isPreview: Bool = false, files links: [String]
        ) -> Server {
            Server(
                hosts: hosts.joined(separator: " "), isDefault: hosts.isEmpty, upstream: upstream, log: log,
                isPreview: isPreview, staticFiles: hasFiles ? "\(directory)/\(links[0])/public" : nil,
                scriptsAreFiles: hasFiles && !isPreview,
                // Only an artifact's directory has links to several versions (Sources/Fleet/Script/assets.sh).
                versions: app.artifact.map { _ in
                    OtherVersions(
                        Array(links.dropFirst()), in: directory,
                        fallback: isFastCGI ? "/index.php$is_args$args" : "@app")
                })
        }

        let live = server(
            app.hosts, to: app.upstream, log: app.name.text, files: ["current", "candidate", "previous"])
        let preview = app.previewName.map { host in
            server(
                [host], to: UpstreamFile.previewName(of: app.upstream),
                log: "\(app.name).preview", isPreview: true,
                files: app.artifact == nil ? ["current"] : ["candidate", "current"])
        }
        servers = [live] + [preview].compactMap { $0 }
    }
}
