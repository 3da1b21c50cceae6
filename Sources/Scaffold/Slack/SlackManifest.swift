import Foundation
import TextTemplates
import ViridianConfiguration

/// The Slack app that posts releases and brings the command and the buttons: https://docs.slack.dev/reference/app-manifest
struct SlackManifest: TemplateValues {
    static let template = TextTemplate(PackageResources.slack_manifest_yaml_mustache)

    let command: String
    /// The server connects to Slack; nothing has to reach it.
    let isSocketMode: Bool
    /// Where Slack sends what people ask for; `nil` in Socket Mode.
    let commandsURL: String?
    let actionsURL: String?

    /// Socket Mode where it is asked for, where Slack cannot call the server, and where only its token is configured.
    init(_ configuration: Configuration, isSocketMode: Bool = false) {
        let slack = configuration.slack
        let url = configuration.server.url.flatMap { $0.scheme?.lowercased() == "https" ? $0.absoluteString : nil }
        let isOnlySocket = slack?.appToken != nil && slack?.signingSecret == nil
        let called = isSocketMode || isOnlySocket ? nil : url
        command = yaml(slack?.command ?? "/deploy")
        self.isSocketMode = called == nil
        commandsURL = called.map { yaml($0 + "/slack/commands") }
        actionsURL = called.map { yaml($0 + "/slack/actions") }
    }

    var file: RenderedFile { RenderedFile(path: "slack-manifest.yaml", text: text) }
}
