import ArgumentParser
import Controller
import Foundation
import Scaffold
import Synchronization
import Testing
import ViridianConfiguration

@testable import Commands

/// A person who types these lines, and then Ctrl-D.
private final class Person: Sendable {
    private let lines: Mutex<[String]>
    private let seen = Mutex<[String]>([])

    init(_ lines: [String]) { self.lines = Mutex(lines) }

    /// Questions and remarks, in order.
    var shown: [String] { seen.withLock { $0 } }

    var interview: Interview {
        Interview(
            ask: { [self] question in
                seen.withLock { $0.append(question) }
                return lines.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            },
            say: { [self] line in seen.withLock { $0.append(line) } })
    }
}

private func options<Options: ParsableArguments>(_ line: String) throws -> Options {
    try Options.parse(line.split(separator: " ").map(String.init))
}

@Suite("the questions of init")
struct SetupQuestionTests {
    private func app(_ line: String, _ person: Person?) async throws -> StartingApp {
        let given: AppOptions = try options(line)
        return try await given.app(
            try AppName("blog"), ports: (30000, 30001), registry: "registry.local:5000", asking: person?.interview)
    }

    private func nodes(_ line: String, _ person: Person?) async throws -> StartingNodes {
        let given: NodeOptions = try options(line)
        return try await given.nodes(asking: person?.interview)
    }

    @Test("an empty answer is the value in brackets")
    func suggestions() async throws {
        let person = Person(["", " ", "", ""])
        let app = try await app("", person)
        #expect(app.image == "registry.local:5000/blog" && app.protocol == .http && app.ports.container == 9000)
        #expect(app.hosts == [] && app.preview == nil)
        #expect(
            person.shown == [
                "Its image, without a tag [registry.local:5000/blog]: ",
                "What nginx speaks with its pods: http or fastcgi [http]: ",
                "The port that its container listens on [9000]: ",
                "Its host names, separated by spaces [none]: ",
            ])
    }

    @Test("without a terminal the same values come without a question")
    func nobody() async throws {
        let unasked = try await app("", nil)
        let empty = try await app("", Person(["", "", "", ""]))
        #expect(unasked == empty)
        #expect(try await nodes("", nil) == .local)
    }

    @Test("an answer that the configuration's reader refuses is answered with why, and asked for again")
    func wrong() async throws {
        let person = Person([
            "Blog:v1", "r.local/blog", "php", "FastCGI", "0", "8080", "a_b", "Blog.domain.com blog.domain.com", "x.y",
        ])
        let app = try await app("", person)
        #expect(app.image == "r.local/blog" && app.protocol == .fastcgi && app.ports.container == 8080)
        #expect(app.hosts == ["x.y"])
        let remarks = person.shown.filter { !$0.hasSuffix(": ") }
        #expect(
            remarks == [
                "  expected an image name such as registry.local:5000/blog, in lower case, found \"Blog:v1\"",
                "  expected http or fastcgi, found \"php\"",
                "  expected a port between 1 and 65535, found \"0\"",
                "  expected a DNS name, found \"a_b\"",
                "  expected each once, found \"Blog.domain.com blog.domain.com\"",
            ])
    }

    @Test("what an option says is not asked")
    func given() async throws {
        let person = Person(["fastcgi"])
        let line = "--image r.local/b --container-port 80 --host b.x --host *.b.x --preview p.b.x"
        let app = try await app(line, person)
        #expect(person.shown.count == 1)
        #expect(app.hosts == ["b.x", "*.b.x"] && app.preview == "p.b.x" && app.protocol == .fastcgi)
    }

    @Test(
        "an option's wrong value is refused with the option",
        arguments: [
            ("--image r.local/b:v1", "--image: expected an image without a tag"),
            ("--host a_b", "--host: expected a DNS name"), ("--host a.b --host A.b", "--host: expected each once"),
            ("--container-port 0", "--container-port: expected a port"),
            ("--host a.b --preview a.b", "--preview: expected a name that is not one of the hosts"),
        ])
    func refused(_ line: String, _ problem: String) async throws {
        let error = await #expect(throws: Refusal.self) { _ = try await app(line, nil) }
        #expect(error?.message.hasPrefix(problem) == true, "\(String(describing: error))")
    }

    @Test("Ctrl-D ends the questions with an error")
    func end() async throws {
        let error = await #expect(throws: Refusal.self) { _ = try await app("", Person(["r.local/b"])) }
        #expect(error?.message.contains("nothing was written") == true)
    }

    @Test(
        "where nginx runs decides what else is asked",
        arguments: [
            (["local"], StartingNodes.local),
            (["static", "", "10.0.0.1, 10.0.0.2", "root"], .addresses(["10.0.0.1", "10.0.0.2"], user: "root")),
            (["ec2", "", "role", "role=web", ""], .ec2(region: "us-east-1", tags: ["role": "web"], user: "deploy")),
            (["Kubernetes", "", ""], .kubernetes(selector: "", user: "deploy")),
            (["there", "kubernetes", "role=web", "ops"], .kubernetes(selector: "role=web", user: "ops")),
        ])
    func places(_ lines: [String], _ expected: StartingNodes) async throws {
        #expect(try await nodes("", Person(lines)) == expected)
    }

    @Test(
        "options say where nginx runs, each by itself",
        arguments: [
            ("--transport local", StartingNodes.local),
            ("--node 10.0.0.1 --node 10.0.0.2", .addresses(["10.0.0.1", "10.0.0.2"], user: "deploy")),
            ("--inventory ec2", .ec2(region: "us-east-1", tags: ["role": "kubernetes-node"], user: "deploy")),
            ("--tag a=1 --tag b=2=3 --ssh-user x", .ec2(region: "us-east-1", tags: ["a": "1", "b": "2=3"], user: "x")),
            ("--selector role=web", .kubernetes(selector: "role=web", user: "deploy")),
        ])
    func chosen(_ line: String, _ expected: StartingNodes) async throws {
        #expect(try await nodes(line, nil) == expected)
    }

    @Test(
        "options that contradict each other are a usage error",
        arguments: [
            "--transport local --node 10.0.0.1", "--transport local --ssh-user x", "--transport local --inventory ec2",
            "--inventory static --tag a=b", "--inventory ec2 --node 10.0.0.1", "--node 10.0.0.1 --selector a=b",
        ])
    func contradictions(_ line: String) {
        #expect(throws: (any Error).self) { let _: NodeOptions = try options(line) }
    }

    @Test(
        "what has no default is missing where nobody can be asked",
        arguments: [
            ("--inventory static", "--node is missing"), ("--transport ssh", "--node or --inventory is missing"),
            ("--ssh-user deploy", "--node or --inventory is missing"),
        ])
    func missing(_ line: String, _ problem: String) async throws {
        let error = await #expect(throws: Refusal.self) { _ = try await nodes(line, nil) }
        #expect(error?.message.hasPrefix(problem) == true)
    }
}
