import Foundation
import TextTemplates
import ViridianConfiguration

/// The Slack app that brings `/deploy` and the buttons of a paused release: https://docs.slack.dev/reference/app-manifest
struct SlackManifest: TemplateValues {
    static let template = TextTemplate(PackageResources.slack_manifest_yaml_mustache)

    let commandsURL: String
    let actionsURL: String

    /// - Throws: `ScaffoldError` where Slack cannot reach the server.
    init(_ server: ServerConfiguration) throws(ScaffoldError) {
        guard let url = server.url?.absoluteString, url.hasPrefix("https://") else {
            throw ScaffoldError("Slack needs the https:// address of this server. To fix: set `server.url` to it")
        }
        commandsURL = yaml(url + "/slack/commands")
        actionsURL = yaml(url + "/slack/actions")
    }

    var file: RenderedFile { RenderedFile(path: "slack-manifest.yaml", text: text) }
}
