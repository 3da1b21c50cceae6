import ReleaseMachine
import ViridianConfiguration

/// Notifications of Quay about pushes to a repository.
///
/// Quay signs nothing and has no ids: the secret is part of the URL. <https://docs.quay.io/guides/notifications.html>
enum QuayDelivery: DeliveryFormat {
    static func verify(_ request: HookRequest, _ hooks: HooksConfiguration, at now: Timestamp) -> HookVerdict {
        guard let secret = hooks.quay, !secret.value.isEmpty else { return .unconfigured("hooks.quay") }
        guard let given = request.query["secret"] else {
            return .refused("the URL has no ?secret=…: is it the URL that is set at Quay?")
        }
        return HookSecret.matches(given, secret)
            ? .verified : .mismatch("the secret in the URL", "hooks.quay")
    }

    static func read(_ request: HookRequest) throws(MalformedHook) -> HookReading {
        let body = try request.object()
        guard let repository = body["repository"].text ?? joined(body["namespace"].text, body["name"].text) else {
            throw MalformedHook(
                "expected a notification of Quay with repository; a custom body must have repository and updated_tags")
        }
        // Notifications about builds and vulnerabilities have no kind either.
        guard let tags = tags(body["updated_tags"]) else {
            return HookReading(
                key: nil, kind: "unknown",
                ignored: ["a notification without updated_tags: only pushes to a repository are read"])
        }
        var reading = HookReading(key: nil, kind: "push")
        if tags.isEmpty { reading.ignore("a push without tags") }
        let host = body["docker_url"].text.map(HookNames.host(ofImage:))
        for tag in tags {
            reading.add { () throws(Ignored) in
                .pushed(
                    try PushedImage.checked(host: host, repository: repository, tag: tag.name, digest: tag.digest))
            }
        }
        return reading
    }

    private static func joined(_ namespace: String?, _ name: String?) -> String? {
        guard let namespace, let name else { return nil }
        return namespace + "/" + name
    }

    /// A list of tags; older versions send an object with an image's id or digest for each.
    private static func tags(_ value: HookJSON) -> [(name: String, digest: String?)]? {
        if let list = value.array { return list.compactMap(\.string).map { ($0, nil) } }
        guard let object = value.object else { return nil }
        return object.sorted { $0.key < $1.key }.map { ($0.key, HookNames.digest($0.value.string)) }
    }
}
