import ViridianConfiguration

/// States for the nodes: they seed the upstream files and never change one that is there, since that is where releases write.
struct SaltStates {
    var apps: [AppConfiguration]
    var backends: String

    var files: [RenderedFile] {
        let folder = "salt/kubernetes/files"
        var files = [RenderedFile(path: "salt/kubernetes/nginx.sls", text: states)]
        for app in apps {
            let site = NginxSite(app: app, backends: backends)
            files.append(
                RenderedFile(path: "\(folder)/node/nginx/backends.d/\(app.name).conf", text: site.upstreamFile.text))
            files.append(
                RenderedFile(path: "\(folder)/node/nginx/conf.d/\(app.name).conf", text: site.hostFile.text))
            files.append(
                RenderedFile(
                    path: "\(folder)/services/\(app.name).yaml", text: KubernetesObjects.file(app).text))
        }
        return files
    }

    private var states: String {
        """
        \(backends):
          file.recurse:
            - source: salt://kubernetes/files/node/nginx/backends.d
            - template: jinja
            - file_mode: 644
            - makedirs: True
            - replace: False

        /etc/nginx/conf.d:
          file.recurse:
            - source: salt://kubernetes/files/node/nginx/conf.d
            - file_mode: 644
            - makedirs: True
            - require:
              - file: \(backends)

        nginx:
          service.running:
            - enable: True
            - reload: True
            - watch:
              - file: /etc/nginx/conf.d

        """
    }
}
