import Foundation
import Kubernetes
import Testing

extension Releases {
    /// Releases that several people have to promote, with the built program.
    @Suite struct ApprovalTests {
        static let app = World.App(more: "verify: {approvals: 2, by: others, timeout: 10m}")

        @Test("on one machine: the deploy goes on waiting through the first approval, and the second moves the traffic")
        func local() async throws {
            try await withWorld(nodes: 1, Self.app) { world in
                async let waiting = world.viridian.run(["deploy", "blog", "--version", "v1"])
                let isPaused = try await eventually {
                    try await world.viridian("show", "blog/1", "-o", "json").json?["state"] == "paused"
                }
                try #require(isPaused)
                let own = try await world.viridian("promote", "blog")
                #expect(own.status == 1, "\(own)")
                #expect(
                    own.error.contains("blog/1 was requested by ci: 2 people other than ci have to promote it"),
                    "\(own)")
                let ann = ["VIRIDIAN_USER": "ann"]
                let approved = try await world.viridian("promote", "blog", environment: ann)
                #expect(approved.status == 0, "\(approved)")
                #expect(
                    approved.lines == [
                        "blog/1 is approved, 1 of 2: ann: another person than ci and ann has to promote it. "
                            + "Nothing serves yet"
                    ], "\(approved)")
                let again = try await world.viridian("promote", "blog", environment: ann)
                #expect(again.status == 1 && again.error.contains("ann has approved blog/1 already"), "\(again)")

                let status = try await world.viridian("status", "blog")
                #expect(status.lines.contains("  approved 1 of 2: ann"), "\(status)")
                #expect(status.output.contains("(another person than ci and ann has to promote it)"), "\(status)")
                let json = try await world.status()
                #expect(json["approvalsNeeded"]?.integer == 2 && json["approvers"] == "others")
                #expect(json[at: "release.approvals"]?.array?.first?["by"] == "ann")
                let shown = try await world.viridian("show", "blog")
                #expect(shown.output.contains("approvals     1 of 2: ann"), "\(shown)")
                let other = try await world.viridian(
                    "promote", "blog", "-o", "json", environment: ["VIRIDIAN_USER": "bob"])
                #expect(other.status == 0 && other.json?["state"] == "live", "\(other)")
                #expect(other.json?["promotedBy"] == "bob")

                let first = try await waiting
                #expect(first.status == 0, "\(first)")
                #expect(
                    first.output.contains("Approved by ann, 1 of 2: another person than ci and ann has to promote it"),
                    "\(first)")
                #expect(first.output.contains("Promoted by bob"), "\(first)")
                let late = try await world.viridian("promote", "blog", environment: ann)
                #expect(late.status == 1 && late.error.contains("blog/1 was promoted by bob already ("), "\(late)")
                let audit = try await world.viridian("audit", "blog")
                #expect(audit.output.contains("approve") && audit.output.contains("ann"), "\(audit)")
            }
        }

        @Test(
            "without a pause, and without the approvals that are missing: refused, and possible with --override and a reason"
        )
        func overridden() async throws {
            try await withWorld(nodes: 1, Self.app) { world in
                let refused = try await world.deploy("v1", "--no-verify")
                #expect(refused.status == 1, "\(refused)")
                #expect(refused.error.contains("releases of blog need approvals: 2 people other than"), "\(refused)")
                let planned = try await world.deploy("v1", "--no-verify", "--dry-run")
                #expect(planned.status == 1 && planned.output.contains("blocked: releases of blog need"), "\(planned)")
                let first = try await world.deploy("v1", "--no-verify", "--override", "--reason", "the first one")
                #expect(first.status == 0, "\(first)")
                #expect(try await world.deploy("v2", "--wait", "paused").status == 3)
                for words in [["--override"], ["--reason", "x"], ["--override", "--reason", " "]] {
                    let usage = try await world.viridian.run(["promote", "blog"] + words)
                    #expect(usage.status == 64, "\(usage)")
                }
                let forced = try await world.viridian("promote", "blog", "--override", "--reason", "prices are wrong")
                #expect(forced.status == 0, "\(forced)")
                let line = "Promoted by ci without the approvals that it needed: prices are wrong"
                #expect(forced.output.contains(line), "\(forced)")
                let shown = try await world.viridian("show", "blog/2")
                #expect(shown.output.contains("ci, without the approvals that it needed: prices are wrong"), "\(shown)")
                let audit = try await world.viridian("audit", "blog")
                #expect(audit.output.contains("prices are wrong"), "\(audit)")
                #expect(audit.output.contains("in spite of: releases of blog need approvals"), "\(audit)")
                // The way back asks nobody.
                let back = try await world.viridian("rollback", "blog", "--reason", "slow")
                #expect(back.status == 0, "\(back)")
                try await world.expectLive("v1", on: "blue", release: 3)
            }
        }

        @Test("through a server: each token is a person, and an override takes an administrator's")
        func remote() async throws {
            try await withWorld(nodes: 1, Self.app) { world in
                let admin = try await world.token()
                let people = try await world.tokens("mike", "ann", "bob")
                try await world.serving { server in
                    func run(_ token: String, _ words: String...) async throws -> Program.Said {
                        try await world.viridian.run(
                            words, environment: ["VIRIDIAN_SERVER": server.url, "VIRIDIAN_TOKEN": token])
                    }
                    let paused = try await run(people[0], "deploy", "blog", "--version", "v1", "--wait", "paused")
                    #expect(paused.status == 3, "\(paused)")
                    let own = try await run(people[0], "promote", "blog")
                    #expect(own.status == 1 && own.error.contains("blog/1 was requested by mike"), "\(own)")
                    let approved = try await run(people[1], "promote", "blog")
                    #expect(approved.status == 0, "\(approved)")
                    #expect(
                        approved.lines.first?.hasPrefix("blog/1 is approved, 1 of 2: ann: another") == true,
                        "\(approved)")
                    let json = try await run(people[1], "show", "blog", "-o", "json")
                    #expect(json.json?["state"] == "paused" && json.json?["approvalsNeeded"]?.integer == 2, "\(json)")
                    let mine = try await run(people[0], "promote", "blog", "--override", "--reason", "x")
                    #expect(mine.status == 1 && mine.error.contains("role admin"), "\(mine)")
                    let promoted = try await run(people[2], "promote", "blog")
                    #expect(promoted.status == 0 && promoted.output.contains("Promoted by bob"), "\(promoted)")

                    #expect(
                        try await run(people[0], "deploy", "blog", "--version", "v2", "--wait", "paused").status == 3)
                    let forced = try await run(admin, "promote", "blog", "--override", "--reason", "prices are wrong")
                    #expect(forced.status == 0, "\(forced)")
                    #expect(
                        forced.output.contains("Promoted by anna without the approvals that it needed"), "\(forced)")
                }
            }
        }
    }
}

extension World {
    /// Deployers' tokens of people.
    func tokens(_ names: String...) async throws -> [String] {
        var tokens: [String] = []
        for name in names {
            let made = try await viridian("token", "create", "--role", "deployer", "--name", name, "-o", "json")
            tokens.append(try #require(made.json?["token"]?.string, "\(made)"))
        }
        return tokens
    }
}
