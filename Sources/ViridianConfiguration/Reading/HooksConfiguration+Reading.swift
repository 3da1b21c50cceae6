import Foundation

extension HooksConfiguration {
    init(_ root: Section) {
        self.init()
        let senders = ["registry", "harbor", "gitlab", "github", "gitea", "quay"]
        guard let section = root.section("hooks", known: senders) else { return }
        func secret(_ name: String) -> Secret? {
            section.section(name, known: ["secret"])?.require("secret", .secret)
        }
        registry = secret("registry")
        harbor = secret("harbor")
        gitlab = GitLabHook(section)
        github = secret("github")
        gitea = secret("gitea")
        quay = secret("quay")
    }
}

extension GitLabHook {
    fileprivate init?(_ hooks: Section) {
        guard let section = hooks.section("gitlab", known: ["secret", "signingToken"]) else { return nil }
        guard section.has("secret") || section.has("signingToken") else {
            hooks.report("expected a secret, a signingToken or both", at: "gitlab")
            return nil
        }
        self.init(secret: section.read("secret", .secret), signingToken: section.read("signingToken", .signingToken))
    }
}

extension Kind where Value == Secret {
    fileprivate static var signingToken: Kind {
        signingKey("whsec_ and a key in base64, as GitLab shows a signing token")
    }

    /// A key in the form of Standard Webhooks (<https://www.standardwebhooks.com>).
    static func signingKey(_ expected: String) -> Kind {
        Kind(expected, isSecret: true) { scalar in
            let prefix = "whsec_"
            guard scalar.text.hasPrefix(prefix),
                let key = Data(base64Encoded: String(scalar.text.dropFirst(prefix.count))), !key.isEmpty
            else { return nil }
            return Secret(scalar.text)
        }
    }
}
