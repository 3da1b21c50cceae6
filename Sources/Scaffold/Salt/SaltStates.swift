import TextTemplates
import ViridianConfiguration

/// Salt states for the nodes. They create missing upstream files and never change existing ones, which releases edit.
struct SaltStates: TemplateValues {
    static let template = TextTemplate(PackageResources.nginx_sls_mustache)

    /// The directory of the upstream files.
    let backends: String

    static func files(apps: [AppConfiguration], backends: String) -> [RenderedFile] {
        let folder = "salt/kubernetes/files"
        var files = [RenderedFile(path: "salt/kubernetes/nginx.sls", text: SaltStates(backends: backends).text)]
        for app in apps {
            let site = NginxSite(app: app, backends: backends)
            files.append(
                RenderedFile(path: "\(folder)/node/nginx/backends.d/\(app.name).conf", text: site.upstreamFile.text))
            files.append(
                RenderedFile(path: "\(folder)/node/nginx/conf.d/\(app.name).conf", text: site.hostFile.text))
            files.append(
                RenderedFile(path: "\(folder)/services/\(app.name).yaml", text: KubernetesObjects(app).text))
        }
        return files
    }
}
