import Foundation
import ViridianConfiguration

/// The Slack app that brings `/deploy` and the buttons of a paused release: https://docs.slack.dev/reference/app-manifest
enum SlackManifest {
    static func file(_ server: ServerConfiguration) throws(ScaffoldError) -> RenderedFile {
        guard let url = server.url?.absoluteString, url.hasPrefix("https://") else {
            throw ScaffoldError("Slack has to reach this server: set `server.url` to its https:// address")
        }
        return RenderedFile(
            path: "slack-manifest.yaml",
            text: """
                display_information:
                  name: Viridian
                  description: Releases apps blue/green, and asks before the switch.
                features:
                  bot_user:
                    display_name: viridian
                    always_online: true
                  slash_commands:
                    - command: /deploy
                      url: \(yaml(url + "/slack/commands"))
                      description: See, finish or give up a release
                      usage_hint: status | promote | finish | abort APP
                      should_escape: false
                oauth_config:
                  scopes:
                    bot:
                      - commands
                      - chat:write
                settings:
                  interactivity:
                    is_enabled: true
                    request_url: \(yaml(url + "/slack/actions"))
                  org_deploy_enabled: false
                  socket_mode_enabled: false
                  token_rotation_enabled: false

                """)
    }
}
