import ReleaseMachine
import Testing

@testable import ViridianConfiguration

@Suite("What is wrong with hooks, registries, reports, freeze windows and triggers")
struct DeliveryErrorTests {
    @Test(
        "hooks",
        arguments: [
            ("hooks: {gitlab: hunter2}", "hooks.gitlab: expected keys and values (secret, signingToken), found text"),
            ("hooks: {gitlab: {}}", "hooks.gitlab: expected a secret, a signingToken or both"),
            ("hooks: {gitlab: {secret: ''}}", "hooks.gitlab.secret: expected a secret that is not empty"),
            ("hooks: {gitlab: {signingToken: ''}}", token),
            ("hooks: {gitlab: {signingToken: whsec_}}", token),
            ("hooks: {gitlab: {signingToken: 'whsec_a?=='}}", token),
            ("hooks: {gitlab: {signingToken: whsec_hunter2hunter}}", token),
            ("hooks: {gitlab: {signingToken: a2V5, secret: a}}", token),
            (
                "hooks: {gitlab: {signingtoken: whsec_a2V5, secret: a}}",
                "hooks.gitlab.signingtoken: unknown key; did you mean signingToken?"
            ),
            ("hooks: {quay: {secret: '  '}}", "hooks.quay.secret: expected a secret that is not empty"),
            ("hooks: {registry: {}}", "hooks.registry.secret: missing; expected a secret that is not empty"),
            ("hooks: {harbor: {secret: }}", "hooks.harbor.secret: expected a secret that is not empty, found nothing"),
            ("hooks: {gitea: {secret: [a]}}", "hooks.gitea.secret: expected a secret that is not empty, found a list"),
            ("hooks: {quay: {secret: \"a\\nb\"}}", "hooks.quay.secret: expected a secret that is not empty"),
            ("hooks: {github: {secret: \"${NONE}\"}}", "hooks.github.secret: the environment variable NONE is not set"),
            ("hooks: {github: {secret: \"${EMPTY}\"}}", "hooks.github.secret: expected a secret that is not empty"),
            (
                "hooks: {github: {secret: a, signingToken: b}}",
                "hooks.github.signingToken: unknown key; known here: secret"
            ),
            ("hooks: {gittea: {secret: a}}", "hooks.gittea: unknown key; did you mean gitea?"),
            (
                "hooks: {bitbucket: {secret: a}}",
                "hooks.bitbucket: unknown key; known here: registry, harbor, gitlab, github, gitea, quay"
            ),
            (
                "hooks: [registry]",
                "hooks: expected keys and values (registry, harbor, gitlab, github, gitea, quay), found a list"
            ),
        ])
    func hooks(_ line: String, _ expected: String) throws {
        #expect(try mainErrors(adding: line, ["EMPTY": ""]) == ["viridian.yaml:2: " + expected])
    }

    private static let token =
        "hooks.gitlab.signingToken: expected whsec_ and a key in base64, as GitLab shows a signing token"

    @Test("one sender is enough, and GitLab's secret, its signing token or both")
    func senders() throws {
        #expect(try mainErrors(adding: "hooks: {}") == [])
        for gitlab in ["{secret: a}", "{signingToken: whsec_a2V5}", "{secret: a, signingToken: \"whsec_${KEY}\"}"] {
            #expect(try mainErrors(adding: "hooks: {gitlab: \(gitlab)}", ["KEY": "YWI="]) == [])
        }
    }

    @Test(
        "registries",
        arguments: [
            ("registries: {host: a}", "registries: expected a list, found keys and values"),
            (
                "registries: [a.com]",
                "registries[0]: expected keys and values (host, plainHTTP, username, password, ca, poll), found text"
            ),
            ("registries: [{plainHTTP: true}]", "registries[0].host: missing; expected \(host)"),
            ("registries: [{host: 'https://a.com'}]", #"registries[0].host: expected \#(host), found "https://a.com""#),
            ("registries: [{host: a.com/blog}]", #"registries[0].host: expected \#(host), found "a.com/blog""#),
            ("registries: [{host: 'a.com:0'}]", #"registries[0].host: expected \#(host), found "a.com:0""#),
            ("registries: [{host: ''}]", #"registries[0].host: expected \#(host), found """#),
            (
                "registries: [{host: a.com}, {host: A.com}]",
                "registries[1].host: expected each registry once, found a.com more than once"
            ),
            (
                "registries: [{host: a.com, plainHTTP: maybe}]",
                #"registries[0].plainHTTP: expected true or false, found "maybe""#
            ),
            (
                "registries: [{host: a.com, username: u}]",
                "registries[0].password: missing; expected a password with the username"
            ),
            (
                "registries: [{host: a.com, password: p}]",
                "registries[0].username: missing; expected a username with the password"
            ),
            (
                "registries: [{host: a.com, username: u, password: ''}]",
                "registries[0].password: expected a secret that is not empty"
            ),
            (
                "registries: [{host: a.com, username: 'u:v', password: p}]",
                "registries[0].username: expected a name without a colon, as in HTTP's basic authentication"
            ),
            (
                "registries: [{host: a.com, username: '', password: p}]",
                #"registries[0].username: expected a name, found """#
            ),
            (
                "registries: [{host: a.com, plainHTTP: true, ca: ca.pem}]",
                "registries[0].ca: expected no ca with plainHTTP: true, which has no certificates"
            ),
            ("registries: [{host: a.com, ca: ''}]", #"registries[0].ca: expected a path, found """#),
            (
                "registries: [{host: a.com, poll: 500ms}]",
                #"registries[0].poll: expected a duration such as 30s, 10m or 1h, of at least 1s, found "500ms""#
            ),
            (
                "registries: [{host: a.com, poll: 5}]",
                "registries[0].poll: expected a duration such as 30s, 10m or 1h, of at least 1s, found 5"
            ),
            (
                "registries: [{host: a.com, insecure: true}]",
                "registries[0].insecure: unknown key; known here: host, plainHTTP, username, password, ca, poll"
            ),
        ])
    func registries(_ line: String, _ expected: String) throws {
        #expect(try mainErrors(adding: line) == ["viridian.yaml:2: " + expected])
    }

    private static let host = "the host of a registry, with its port if it has one, such as registry.local:5000"

    @Test("a registry's host may be a name, an address, with a port or without")
    func hosts() throws {
        for host in ["localhost", "registry.local:5000", "10.0.0.1:5000", "'[::1]:5000'", "ghcr.io"] {
            #expect(try mainErrors(adding: "registries: [{host: \(host), username: u, password: p, ca: ca.pem}]") == [])
        }
    }

    @Test(
        "report",
        arguments: [
            ("report: {github: {}}", "report.github.token: missing; expected a secret that is not empty"),
            ("report: {github: {token: ''}}", "report.github.token: expected a secret that is not empty"),
            (
                "report: {gitlab: {token: a}}",
                "report.gitlab.api: missing; expected a URL such as https://gitlab.domain.com/api/v4"
            ),
            (
                "report: {gitlab: {token: a, api: gitlab.domain.com}}",
                #"report.gitlab.api: expected a URL such as https://gitlab.domain.com/api/v4, found "gitlab.domain.com""#
            ),
            (
                "report: {github: {token: a, api: 'https://u:hunter2@a.com'}}",
                "report.github.api: expected a URL without a user and a password"
            ),
            (
                "report: {github: {token: a, environment: ''}}",
                #"report.github.environment: expected the name of an environment, of at most 255 characters, found """#
            ),
            ("report: {gitea: {token: a}}", "report.gitea: unknown key; known here: github, gitlab"),
            ("report: github", "report: expected keys and values (github, gitlab), found text"),
        ])
    func report(_ line: String, _ expected: String) throws {
        #expect(try mainErrors(adding: line) == ["viridian.yaml:2: " + expected])
    }

    @Test(
        "freeze windows",
        arguments: [
            ("{from: Fri 16:00, to: Mon 08:00}", "name: missing; expected a name of at most 100 characters"),
            (
                "{name: ' ', from: Fri 16:00, to: Mon 08:00}",
                #"name: expected a name of at most 100 characters, found " ""#
            ),
            ("{name: a, to: Mon 08:00}", "from: missing; expected \(time)"),
            ("{name: a, from: Mon 08:00}", "to: missing; expected \(time)"),
            ("{name: a, from: Friday 16:00, to: Mon 08:00}", #"from: expected \#(time), found "Friday 16:00""#),
            ("{name: a, from: Fri 16:00, to: Mon 8:00}", #"to: expected \#(time), found "Mon 8:00""#),
            ("{name: a, from: Fri 16:00, to: 2026-02-30T00:00}", #"to: expected \#(time), found "2026-02-30T00:00""#),
            ("{name: a, from: Fri 16:00, to: fri 16:00:00}", "to: expected another time than from, found Fri 16:00"),
            (
                "{name: a, from: 2026-12-23T00:00, to: 2026-12-23T00:00:00}",
                "to: expected a time after 2026-12-23T00:00, found 2026-12-23T00:00:00"
            ),
            (
                "{name: a, from: 2027-12-23T00:00, to: 2026-12-24T00:00}",
                "to: expected a time after 2027-12-23T00:00, found 2026-12-24T00:00"
            ),
            (
                "{name: a, from: Fri 16:00, to: 2026-12-24T00:00}",
                "to: expected a day of the week and a time as in from (Fri 16:00), found 2026-12-24T00:00"
            ),
            (
                "{name: a, from: 2026-12-24T00:00, to: Fri 16:00}",
                "to: expected a date and a time as in from (2026-12-24T00:00), found Fri 16:00"
            ),
            (
                "{name: a, from: Fri 16:00, to: Mon 08:00, timeZone: Europe/Berln}",
                #"timeZone: expected a time zone of the IANA database such as Europe/Berlin, or UTC (did you mean Europe/Berlin?), found "Europe/Berln""#
            ),
            (
                "{name: a, from: Fri 16:00, to: Mon 08:00, timeZone: CEST}",
                #"timeZone: expected a time zone of the IANA database such as Europe/Berlin, or UTC, found "CEST""#
            ),
            ("{name: a, from: Fri 16:00, to: Mon 08:00, apps: blog}", "apps: expected a list, found text"),
            (
                "{name: a, from: Fri 16:00, to: Mon 08:00, apps: []}",
                "apps: expected at least one app; without this key, the window concerns all apps"
            ),
            (
                "{name: a, from: Fri 16:00, to: Mon 08:00, apps: [blog, blgo]}",
                #"apps[1]: expected an app that is configured (blog; did you mean blog?), found "blgo""#
            ),
            (
                "{name: a, from: Fri 16:00, to: Mon 08:00, apps: [shop]}",
                #"apps[0]: expected an app that is configured (blog), found "shop""#
            ),
            (
                "{name: a, from: Fri 16:00, to: Mon 08:00, timezone: UTC}",
                "timezone: unknown key; did you mean timeZone?"
            ),
            (
                "{name: a, from: Fri 16:00, to: Mon 08:00, reason: [a]}",
                "reason: expected at most 500 characters, found a list"
            ),
        ])
    func freeze(_ window: String, _ expected: String) throws {
        #expect(try mainErrors(adding: "freeze: [\(window)]") == ["viridian.yaml:2: freeze[0]." + expected])
    }

    private static let time =
        "a day of the week and a time such as Fri 16:00, or a date and a time such as 2026-12-23T00:00"

    @Test("a freeze window's name is unique; apps are not missed while an app's file has errors")
    func freezes() throws {
        let window = "from: Fri 16:00, to: Mon 08:00"
        #expect(
            try mainErrors(adding: "freeze: [{name: a, \(window)}, {name: a, \(window)}]") == [
                #"viridian.yaml:2: freeze[1].name: expected each name once, found "a" more than once"#
            ])
        #expect(
            try mainErrors(adding: "freeze: {name: a, \(window)}") == [
                "viridian.yaml:2: freeze: expected a list, found keys and values"
            ])
        let main = Fixture.main + "freeze: [{name: a, \(window), apps: [shop]}]\n"
        #expect(
            try Fixture(["viridian.yaml": main, "apps/shop.yaml": "app: shop\n"]).errors().allSatisfy {
                $0.hasPrefix("apps/shop.yaml")
            })
        #expect(
            try Fixture(["viridian.yaml": main], without: ["apps/blog.yaml"]).errors() == [
                #"viridian.yaml:2: freeze[0].apps[0]: expected the name of an app, but none is configured, found "shop""#
            ])
    }

    @Test(
        "releaseOn and whenBusy",
        arguments: [
            (
                "releaseOn: {}",
                "releaseOn: expected at least one of tags, branches or environments; without releaseOn, no hook starts a release"
            ),
            ("releaseOn: [v*]", "releaseOn: expected keys and values (tags, branches, environments), found a list"),
            ("releaseOn: {tag: [a]}", "releaseOn.tag: unknown key; did you mean tags?"),
            ("releaseOn: {tags: v*}", "releaseOn.tags: expected a list, found text"),
            (
                "releaseOn: {tags: []}",
                "releaseOn.tags: expected at least one pattern; without this key, no tags start a release"
            ),
            (
                "releaseOn: {branches: []}",
                "releaseOn.branches: expected at least one pattern; without this key, no branches start a release"
            ),
            (
                "releaseOn: {tags: ['']}",
                #"releaseOn.tags[0]: expected a pattern for tags, in which * stands for any characters and ? for one, found """#
            ),
            (
                "releaseOn: {environments: [production, ]}\nwhenBusy: wait",
                #"whenBusy: expected refuse, queue or supersede, found "wait""#
            ),
            (
                "releaseOn: {branches: ['release/*', '!release/1']}",
                #"releaseOn.branches[1]: expected a pattern of what starts a release; there are no exclusions with !, found "!release/1""#
            ),
            (
                "releaseOn: {tags: ['v[0-9]*']}",
                #"releaseOn.tags[0]: expected a pattern for tags with no other wildcards than * and ?, found "v[0-9]*""#
            ),
            (
                #"releaseOn: {branches: ['^dev$']}"#,
                #"releaseOn.branches[0]: expected a pattern for branches with no other wildcards than * and ?, found "^dev$""#
            ),
            (
                "releaseOn: {branches: [{a: b}]}",
                "releaseOn.branches[0]: expected a pattern for branches, in which * stands for any characters and ? for one, found keys and values"
            ),
            ("whenBusy: Queue", #"whenBusy: expected refuse, queue or supersede, found "Queue""#),
            ("whenBusy: [queue]", "whenBusy: expected refuse, queue or supersede, found a list"),
        ])
    func triggers(_ line: String, _ expected: String) throws {
        let number = line.contains("\n") ? 5 : 4
        #expect(try appErrors(adding: line) == ["apps/blog.yaml:\(number): " + expected])
    }

    @Test("an environment may be called whatever it is called; a branch may be written without quotation marks")
    func names() throws {
        let triggers = "releaseOn: {branches: [dev, 1.0], environments: ['Production [EU]', \"pro duction\"]}"
        let app = try #require(
            try Fixture(["apps/blog.yaml": Fixture.blog + triggers + "\nwhenBusy: supersede\n"]).load().apps.first)
        #expect(app.releaseOn?.branches == ["dev", "1.0"])
        #expect(app.releaseOn?.matches(environment: "Production [EU]") == true)
        #expect(app.releaseOn?.tags == [])
        #expect(app.whenBusy == .supersede)
    }
}
