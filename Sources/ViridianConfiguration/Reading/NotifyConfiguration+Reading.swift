import Foundation

extension NotifyConfiguration {
    private static let keys = ["name", "url", "secret", "format", "on", "apps", "private"]

    /// `apps` are the names of the configured apps, sorted; `nil` where they are not known.
    static func list(_ root: Section, apps: [String]?) -> [NotifyConfiguration] {
        var names: Set<String> = []
        return root.sections("notify", known: keys).compactMap { section in
            guard let destination = NotifyConfiguration(section, apps) else { return nil }
            if !names.insert(destination.name).inserted {
                section.report(
                    "expected each name once, found \(Excerpt.quoted(destination.name)) more than once", at: "name")
            }
            return destination
        }
    }

    private init?(_ section: Section, _ known: [String]?) {
        let name = section.require(
            "name",
            .text("a name of at most 63 lower-case letters, digits and -, but not slack, github or gitlab") {
                Grammar.isDNSLabel($0) && !["slack", "github", "gitlab"].contains($0)
            })
        let url = section.require("url", .url(example: "https://hooks.domain.com/viridian"))
        let format = section.read("format", .choice, default: Format.standardWebhooks)
        let key = Kind<Secret>.signingKey("whsec_ and a key in base64, or a list of two while the key is changed")
        let secrets = section.list("secret", key, orOne: true) ?? []
        if section.has("secret") {
            if format == .slackWebhook {
                section.report("expected no secret: receivers of slack-webhook check none", at: "secret")
            } else if secrets.count > 2 {
                section.report("expected one secret, or two while the key is changed", at: "secret")
            }
        } else if format == .standardWebhooks {
            section.report("missing; expected whsec_ and a key in base64, with which messages are signed", at: "secret")
        }
        let on = section.list("on", Kind<Trigger>.choice)
        if section.isEmpty("on") { section.report("expected at least one of what happens to a release", at: "on") }
        let apps = section.list("apps", .app(known))
        if section.isEmpty("apps") {
            section.report("expected at least one app; without this key, all apps are told of", at: "apps")
        }
        let isPrivate = section.read("private", .boolean, default: false)
        guard let name, let url else { return nil }
        self.init(
            name: name, url: url, secrets: secrets, format: format, on: on.map(Set.init), apps: apps,
            isPrivate: isPrivate)
    }
}
