import ReleaseMachine
import ViridianConfiguration

/// Webhooks of Harbor, in the formats `Default` and, since 2.8, `CloudEvents`.
///
/// <https://goharbor.io/docs/latest/working-with-projects/project-configuration/configure-webhooks/>
enum HarborDelivery: DeliveryFormat {
    /// Harbor sends the configured "Auth Header" as it is.
    static func verify(_ request: HookRequest, _ hooks: HooksConfiguration, at now: Timestamp) -> HookVerdict {
        guard let secret = hooks.harbor, !secret.value.isEmpty else { return .unconfigured("hooks.harbor") }
        guard let given = request.header("authorization") else { return .missing("Authorization") }
        return HookSecret.matches(given, secret, prefixes: ["", "Bearer "])
            ? .verified : .mismatch("the header Authorization", "hooks.harbor")
    }

    static func read(_ request: HookRequest) throws(MalformedHook) -> HookReading {
        let body = try request.object()
        guard let type = body["type"].text else {
            throw MalformedHook("expected a webhook of Harbor: an object with a type such as PUSH_ARTIFACT")
        }
        let isCloudEvent = body["specversion"].text != nil
        let key = isCloudEvent ? HookKey.id(body["id"].text) : nil
        var reading = HookReading(
            key: key ?? HookKey.digest(of: request.body), kind: kinds[type] ?? HookKind.unknown(type))
        guard reading.kind == "push" else {
            reading.ignore("\(Excerpt.word(type)): only pushes of artifacts are read")
            return reading
        }
        let data = isCloudEvent ? body["data"] : body["event_data"]
        let at = Timestamp(hook: body["time"].string) ?? Timestamp(hookSeconds: body["occur_at"].integer)
        let resources = data["resources"].array ?? []
        if resources.isEmpty { reading.ignore("a push without resources") }
        for resource in resources {
            reading.add { () throws(Ignored) in
                .pushed(try pushed(resource, data["repository"], at: at, by: body["operator"].text))
            }
        }
        return reading
    }

    private static let kinds = [
        "PUSH_ARTIFACT": "push", "harbor.artifact.pushed": "push",
        "PULL_ARTIFACT": "pull", "harbor.artifact.pulled": "pull",
        "DELETE_ARTIFACT": "delete", "harbor.artifact.deleted": "delete",
        "SCANNING_COMPLETED": "scan", "harbor.scan.completed": "scan",
        "SCANNING_STOPPED": "scan", "harbor.scan.stopped": "scan",
        "SCANNING_FAILED": "scan", "harbor.scan.failed": "scan",
        "REPLICATION": "replication", "harbor.replication.status.changed": "replication",
        "QUOTA_EXCEED": "quota", "harbor.quota.exceeded": "quota",
        "QUOTA_WARNING": "quota", "harbor.quota.warned": "quota",
        "TAG_RETENTION": "retention", "harbor.tag_retention.finished": "retention",
    ]

    /// The user as whom Harbor stores what it has fetched for somebody who pulled it through a proxy cache project
    /// (`src/common/security/proxycachesecret`).
    private static let proxyCache = "harbor#proxy-cache-service"

    private static func pushed(
        _ resource: HookJSON, _ repository: HookJSON, at: Timestamp?, by person: String?
    ) throws(Ignored) -> PushedImage {
        let name = repository["repo_full_name"].text ?? repository["name"].text
        guard person != proxyCache else {
            let shown = HookNames.repository(name) ?? Excerpt.quoted(name ?? "")
            throw Ignored("a pull of \(shown) through a proxy cache project, not a push")
        }
        return try PushedImage.checked(
            host: resource["resource_url"].text.map(HookNames.host(ofImage:)), repository: name,
            tag: resource["tag"].string,
            digest: resource["digest"].text, at: at, by: person)
    }
}
