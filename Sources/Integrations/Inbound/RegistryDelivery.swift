import Foundation
import ReleaseMachine
import ViridianConfiguration

/// Notifications of a registry: distribution 2 and 3, and what GitLab, Gitea and others build on it.
///
/// `application/vnd.docker.distribution.events.v1+json` and, since 3.0, `…v2+json` have the same fields; the type is not checked. A registry
/// sends an event again, and all later ones not at all, until it is answered with 2xx.
/// <https://distribution.github.io/distribution/about/notifications/>
enum RegistryDelivery: DeliveryFormat {
    static func verify(_ request: HookRequest, _ hooks: HooksConfiguration, at now: Timestamp) -> HookVerdict {
        guard let secret = hooks.registry, !secret.value.isEmpty else { return .unconfigured("hooks.registry") }
        guard let given = request.header("authorization") else { return .missing("Authorization") }
        return HookSecret.matches(given, secret, prefixes: ["Bearer ", ""])
            ? .verified : .mismatch("the header Authorization", "hooks.registry")
    }

    static func read(_ request: HookRequest) throws(MalformedHook) -> HookReading {
        guard let events = try request.object()["events"].array else {
            throw MalformedHook("expected a registry's notification: an object with a list of events")
        }
        var reading = HookReading(key: key(events) ?? HookKey.digest(of: request.body), kind: kind(events))
        for event in events { reading.add { () throws(Ignored) in .pushed(try pushed(event)) } }
        if events.isEmpty { reading.ignore("a notification without events") }
        return reading
    }

    private static func key(_ events: [HookJSON]) -> String? {
        let ids = events.compactMap(\.["id"].text)
        guard ids.count == events.count, let first = ids.first else { return nil }
        return ids.count == 1 ? HookKey.id(first) : HookKey.digest(ids)
    }

    private static let actions = ["push", "pull", "mount", "delete"]

    /// `push` where there is one, for it is what matters.
    private static func kind(_ events: [HookJSON]) -> String {
        let found = events.map { $0["action"].string ?? "" }
        return actions.first(where: found.contains) ?? HookKind.unknown(found.first ?? "")
    }

    private static func pushed(_ event: HookJSON) throws(Ignored) -> PushedImage {
        let target = event["target"]
        let repository = target["repository"].string
        let name = HookNames.repository(repository) ?? repository.map { Excerpt.quoted($0) } ?? "an unnamed repository"
        switch event["action"].string ?? "" {
        case "push": break
        case "pull": throw Ignored("a pull of \(name), not a push")
        case "mount": throw Ignored("a mount of a layer into \(name), not a push")
        case "delete": throw Ignored("a deletion in \(name), not a push")
        case let action: throw Ignored("the action \(Excerpt.quoted(action)) on \(name), not a push")
        }
        guard let type = target["mediaType"].text, manifests.contains(type) || indexes.contains(type) else {
            throw Ignored("a push of a blob to \(name), not of an image")
        }
        // An endpoint with `includereferences` says what the manifest is made of.
        let references = (target["references"].array ?? []).compactMap(\.["mediaType"].string)
        guard references.isEmpty || !configured.contains(type) || references.contains(where: configurations.contains)
        else { throw Ignored("a push to \(name) of an artifact that is no image, such as a chart or a signature") }
        return try PushedImage.checked(
            host: event["request"]["host"].text ?? target["url"].text.flatMap { URLComponents(string: $0)?.authority },
            repository: repository, tag: target["tag"].string, digest: target["digest"].string,
            at: Timestamp(hook: event["timestamp"].string), by: event["actor"]["name"].text)
    }

    /// Manifests that name their configuration among their references.
    private static let configured: Set = [
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]

    private static let manifests = configured.union([
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    ])

    private static let indexes: Set = [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ]

    private static let configurations: Set = [
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    ]
}

extension URLComponents {
    /// Host and port, as images name a registry.
    var authority: String? { host.map { host in port.map { "\(host):\($0)" } ?? host } }
}
