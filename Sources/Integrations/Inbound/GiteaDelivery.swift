import Foundation
import ReleaseMachine
import ViridianConfiguration

/// Webhooks of Gitea and Forgejo: images pushed to their container registry.
///
/// <https://docs.gitea.com/usage/webhooks>, <https://forgejo.org/docs/latest/user/webhooks/>
enum GiteaDelivery: DeliveryFormat {
    /// Without a secret Gitea sends these headers too, with nothing or `sha256=` in them.
    static func verify(_ request: HookRequest, _ hooks: HooksConfiguration, at now: Timestamp) -> HookVerdict {
        request.verify(
            signatures: ["x-gitea-signature": "", "x-forgejo-signature": "", "x-hub-signature-256": "sha256="],
            hooks.gitea, key: "hooks.gitea")
    }

    static func read(_ request: HookRequest) throws(MalformedHook) -> HookReading {
        let body = try request.object()
        guard let event = request.header("x-gitea-event", "x-forgejo-event"), !event.isEmpty else {
            throw MalformedHook(
                "expected a webhook of Gitea or Forgejo, with the header X-Gitea-Event or X-Forgejo-Event")
        }
        var reading = HookReading(
            key: HookKey.id(request.header("x-gitea-delivery", "x-forgejo-delivery")), kind: event)
        if event == "package" {
            reading.add { () throws(Ignored) in .pushed(try package(body)) }
        } else {
            if !known.contains(event) { reading.kind = HookKind.unknown(event) }
            reading.ignore("\(Excerpt.word(event)): only packages are read")
        }
        return reading
    }

    private static let known: Set = [
        "action_run_failure", "action_run_recover", "action_run_success", "create", "delete", "fork", "issue_assign",
        "issue_comment", "issue_label", "issue_milestone", "issues", "pull_request", "pull_request_approved",
        "pull_request_assign", "pull_request_comment", "pull_request_label", "pull_request_milestone",
        "pull_request_rejected", "pull_request_review_request", "pull_request_sync", "push", "release", "repository",
        "status", "wiki", "workflow_job", "workflow_run",
    ]

    private static func package(_ body: HookJSON) throws(Ignored) -> PushedImage {
        let package = body["package"]
        let name = package["name"].string ?? ""
        let action = body["action"].string ?? ""
        guard action == "created" else {
            throw Ignored("the package \(Excerpt.word(name)) was \(Excerpt.word(action)), not created")
        }
        let type = package["type"].string ?? ""
        guard type == "container" else {
            throw Ignored("the package \(Excerpt.word(name)) is of the type \(Excerpt.word(type)), no container image")
        }
        // The registry is at Gitea's own host. Owners may be written with capitals, images may not.
        let owner = package["owner"]["login"].text ?? package["owner"]["username"].text
        return try PushedImage.checked(
            host: package["html_url"].text.flatMap { URLComponents(string: $0)?.authority },
            repository: owner.map { "\($0)/\(name)".lowercased() }, tag: package["version"].string,
            source: (package["repository"]["html_url"].text ?? body["repository"]["html_url"].text),
            at: Timestamp(hook: package["created_at"].string), by: body["sender"]["login"].text)
    }
}
