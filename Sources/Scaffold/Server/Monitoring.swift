import Foundation
import TextTemplates
import ViridianConfiguration

/// What should wake or tell somebody: rules for Prometheus
/// (https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/).
struct AlertRules: TemplateValues {
    static let template = TextTemplate(PackageResources.alerts_yaml_mustache)

    /// The server's address, for links; `nil` where none is configured.
    let server: String?
    /// Where docs/operations.md is read.
    let runbooks: String

    init(_ configuration: Configuration, runbooks: String) {
        server = configuration.server.address
        self.runbooks = runbooks
    }

    var file: RenderedFile { RenderedFile(path: "prometheus/viridian-alerts.yaml", text: text) }
}

/// The server's metrics as a dashboard (https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/).
struct GrafanaDashboard: TemplateValues {
    static let template = TextTemplate(PackageResources.grafana_dashboard_json_mustache)

    /// The server's address as a string of JSON; `nil` where none is configured.
    let server: String?

    init(_ configuration: Configuration) {
        // A URL has no character that JSON would escape.
        server = configuration.server.address.map { "\"\($0)\"" }
    }

    var file: RenderedFile { RenderedFile(path: "grafana/viridian.json", text: text) }
}

extension ServerConfiguration {
    /// `server.url` without a slash at its end.
    fileprivate var address: String? {
        url.map { $0.absoluteString.hasSuffix("/") ? String($0.absoluteString.dropLast()) : $0.absoluteString }
    }
}
