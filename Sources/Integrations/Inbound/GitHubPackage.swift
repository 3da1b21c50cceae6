import ReleaseMachine
import ViridianConfiguration

extension GitHubDelivery {
    /// A `package` (of a repository's webhook) or `registry_package` (of an app's): an image in GitHub's container registry, with its tag.
    static func package(_ body: HookJSON, _ event: String) throws(Ignored) -> PushedImage {
        let package = body[event]
        let version = package["package_version"]
        let container = version["container_metadata"]
        let name = package["name"].string ?? ""
        let action = body["action"].string ?? ""
        guard action == "published" || action == "updated" else {
            throw Ignored("the package \(Excerpt.word(name)) was \(Excerpt.word(action)), not published or updated")
        }
        let digest =
            container["tag"]["digest"].text ?? container["manifest"]["digest"].text
            ?? HookNames.digest(version["version"].string)
        guard isContainer(package) || HookNames.digest(digest) != nil else {
            let type = package["package_type"].text ?? package["ecosystem"].text ?? "unknown"
            throw Ignored("the package \(Excerpt.word(name)) is of the type \(Excerpt.word(type)), no container image")
        }
        let address = Address(version["package_url"].text ?? "")
        let labels = container["labels"]
        return try PushedImage.checked(
            host: address?.host ?? "ghcr.io", repository: address?.repository ?? repository(package),
            tag: container["tag"]["name"].text ?? address?.tag, digest: digest,
            commit: label("revision", labels), source: label("source", labels) ?? body["repository"]["html_url"].string,
            at: Timestamp(hook: version[action == "updated" ? "updated_at" : "created_at"].string),
            by: body["sender"]["login"].text)
    }

    /// `CONTAINER` on github.com, `docker` in older payloads. GitHub's own example has `npm` for a container, so a digest tells as well.
    private static func isContainer(_ package: HookJSON) -> Bool {
        [package["package_type"], package["ecosystem"]].contains {
            ["container", "docker"].contains($0.string?.lowercased())
        }
    }

    /// Owners may be written with capitals, images may not.
    private static func repository(_ package: HookJSON) -> String? {
        guard let name = package["name"].text,
            let owner = package["namespace"].text ?? package["owner"]["login"].text
        else { return nil }
        return "\(owner)/\(name)".lowercased()
    }

    private static func label(_ name: String, _ labels: HookJSON) -> String? {
        let full = "org.opencontainers.image." + name
        return labels[full].text ?? labels["all_labels"][full].text ?? labels[name].text
    }

    /// `ghcr.io/domain/blog:v2`, in which the tag may be missing, with or without its colon.
    private struct Address {
        var host: String
        var repository: String
        var tag: String?

        init?(_ text: String) {
            let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let host = HookNames.host(String(parts[0])) else { return nil }
            self.host = host
            let image = parts[1].split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)[0]
            let names = image.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            repository = names[0].lowercased()
            tag = names.count == 2 && !names[1].isEmpty ? String(names[1]) : nil
        }
    }
}
