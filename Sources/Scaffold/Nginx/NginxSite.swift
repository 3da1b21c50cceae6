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
        let head = """
            # The colours of \(app.name): blue is port \(ports.blue), green \(ports.green). Included by nginx on each node from conf.d/\(app.name).conf.
            # To apply: put it into \(backends) where it is missing, and never over one that is there: releases move `down` from
            # one port to the other.

            """
        return RenderedFile(
            path: String(upstreamPath.drop { $0 == "/" }),
            text: head
                + UpstreamFile.rendered(
                    upstream: app.upstream, ports: ports, live: ports.blue, preview: app.preview != nil))
    }

    var hostFile: RenderedFile {
        RenderedFile(
            path: "etc/nginx/conf.d/\(app.name).conf", text: VirtualHosts(of: app, upstreamFile: upstreamPath).text)
    }

    /// The files of these apps, after the one that is there once for all of the configuration's.
    /// - Throws: `ScaffoldError` where nginx could not tell the apps' sites apart.
    static func files(_ configuration: Configuration, apps: [AppConfiguration]) throws(ScaffoldError) -> [RenderedFile]
    {
        let nameless = configuration.apps.filter(\.hosts.isEmpty)
        guard nameless.count < 2 || !apps.contains(where: \.hosts.isEmpty) else {
            throw ScaffoldError(
                "\(nameless.map(\.name.text).joined(separator: " and ")) have no `hosts`: nginx would send every request to the "
                    + "first of them. To fix: set `hosts` for each of them (apps/*.yaml)")
        }
        try refuseSharedNames(configuration.apps, for: apps)
        return [SharedNginxFile(configuration).file]
            + apps.flatMap { NginxSite(app: $0, backends: configuration.nodes.backendsOnNode).files }
    }

    /// Sites that differ in their ports alone are one name here: all of these servers listen on port 80.
    private static func refuseSharedNames(
        _ configured: [AppConfiguration], for apps: [AppConfiguration]
    ) throws(ScaffoldError) {
        var owners: [String: AppName] = [:]
        for app in configured {
            for name in app.serverNames {
                guard let other = owners.updateValue(app.name, forKey: name) else { continue }
                guard apps.contains(where: { $0.name == app.name || $0.name == other }) else { continue }
                let who =
                    other == app.name ? "\(app.name) has \(name) twice" : "\(other) and \(app.name) both have \(name)"
                throw ScaffoldError(
                    "\(who): nginx would send all its requests to the first of the virtual hosts. To fix: give each of `hosts` "
                        + "and `preview` a name of its own (apps/*.yaml); a port makes no difference here")
            }
        }
    }
}

extension AppConfiguration {
    /// The host of `preview`: a port in it is the balancer's.
    var previewName: String? { preview.map { String($0.prefix { $0 != ":" }) } }

    /// The names of its virtual hosts, also the preview's.
    var serverNames: [String] { hosts + [previewName].compactMap { $0 } }
}

/// What all virtual hosts of a node share: the log format, whom nginx believes a visitor's address, the default server.
struct SharedNginxFile: TemplateValues {
    static let template = TextTemplate(PackageResources.nginx_shared_conf_mustache)

    /// Not where an app without hosts answers for every name.
    let hasDefaultServer: Bool
    /// The networks from which the load balancer calls; empty where they are not known.
    let balancer: [String]

    init(_ configuration: Configuration) {
        hasDefaultServer = !configuration.apps.contains(where: \.hosts.isEmpty)
        balancer = configuration.nodes.balancer
    }

    /// nginx includes the files of a directory in the order of their names, and a log format has to be known before it is used.
    var file: RenderedFile { RenderedFile(path: "etc/nginx/conf.d/00-viridian.conf", text: text) }
}
