import Foundation

extension ReportConfiguration {
    init(_ root: Section) {
        self.init()
        guard let section = root.section("report", known: ["github", "gitlab"]) else { return }
        github = Destination(section, "github", api: URL(string: "https://api.github.com"))
        gitlab = Destination(section, "gitlab", api: nil)
    }
}

extension ReportConfiguration.Destination {
    /// `api` is the default; `nil`: the key is required.
    fileprivate init?(_ report: Section, _ name: String, api standard: URL?) {
        guard let section = report.section(name, known: ["token", "api", "environment"]) else { return nil }
        let token = section.require("token", .secret)
        let kind = Kind<URL>.url(example: "https://gitlab.domain.com/api/v4")
        let api = standard.map { section.read("api", kind, default: $0) } ?? section.require("api", kind)
        let environment = section.read(
            "environment",
            .text("the name of an environment, of at most 255 characters") {
                !$0.isEmpty && $0.count <= 255 && Grammar.isOneLine($0)
            },
            default: "production")
        guard let token, let api else { return nil }
        self.init(token: token, api: api, environment: environment)
    }
}
