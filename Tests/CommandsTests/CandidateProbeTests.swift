import Controller
import Fleet
import Foundation
import Processes
import ReleaseMachine
import Testing
import ViridianConfiguration
import Workloads

@testable import Commands

/// A node at which the candidate gives this answer; records the calls.
private actor Candidate: NodeTransport {
    private let answer: String
    private(set) var asked: [[String]] = []

    init(answer: String) {
        self.answer = answer
    }

    func run(
        arguments: [String],
        payload: NodePayload,
        on node: Node,
        sudo: Bool,
        deadline: Duration,
        onLine: @escaping @Sendable (OutputLine) async -> Void
    ) async throws -> Termination {
        asked.append(arguments)
        let text =
            "viridian-node=\(NodeScript.version)\nfile=missing\nprobe=failed\nsaid=\(answer)\ndone=\(arguments[0])\n"
        return try await Command("cat", input: text).run(deadline: deadline, onLine: onLine).termination
    }

    /// The request that the script was to send, and its other arguments.
    var probe: (request: String, arguments: [String]) {
        let words = asked.last ?? []
        let send = words.first { $0.hasPrefix("send=") }?.dropFirst(5) ?? ""
        let bytes = send.split(separator: "\\").compactMap { UInt8($0, radix: 8) }
        return (String(decoding: bytes, as: UTF8.self), words)
    }
}

@Suite struct CandidateProbeTests {
    private func stage(
        _ kubelet: ReadinessProbe?, answer: String = "HTTP/1.1 400 Bad Request",
        _ change: (inout AppConfiguration) -> Void = { _ in }
    ) async throws -> (candidate: Candidate, message: String) {
        var app = try AppConfiguration(
            app: "blog", ports: .init(container: 8080, blue: 30000, green: 30001), image: "registry.local:5000/blog",
            hosts: ["blog.domain.com"])
        change(&app)
        let candidate = Candidate(answer: answer)
        let fleet = Fleet(
            inventory: try StaticInventory(["node-1"]), transport: candidate, settings: NodeSettings())
        let nodes = FleetNodes(fleet: fleet, app: app) { _ in kubelet }
        let survey = Survey(
            live: LiveVersion(color: .blue, version: "1"), candidate: .green, replicas: 3, nodes: ["node-1"])
        let problem = await #expect(throws: NodeProblem.self) {
            try await nodes.stage("node-1", FormattedRelease.order, survey) { _ in }
        }
        return (candidate, problem?.message ?? "")
    }

    private let internalHost = ReadinessProbe(
        path: "/up", headers: [.init("Host", "blog.internal"), .init("X-Forwarded-Proto", "https")])

    @Test(
        "the candidate gets its readiness probe's request: path, headers, scheme, timeout, and often enough to reach every pod"
    )
    func asKubelet() async throws {
        var kubelet = internalHost
        kubelet.isTLS = true
        kubelet.timeout = .seconds(7)
        let (request, arguments) = try await stage(kubelet).candidate.probe
        #expect(
            request.hasPrefix("GET /up HTTP/1.1\r\n") && request.hasSuffix("\r\nConnection: close\r\n\r\n"),
            "\(request)")
        #expect(request.contains("\r\nHost: blog.internal\r\n") && !request.contains("blog.domain.com"))
        #expect(request.contains("\r\nX-Forwarded-Proto: https\r\n"))
        for word in ["probe=https", "accept=good", "try=7", "connections=20"] {
            #expect(arguments.contains(word), "\(arguments)")
        }
    }

    @Test("a configured path is requested with the readiness probe's other values")
    func ownPath() async throws {
        let (request, arguments) = try await stage(internalHost) { $0.probe = .init(path: "/healthz") }.candidate.probe
        #expect(request.hasPrefix("GET /healthz HTTP/1.1\r\nUser-Agent"), "\(request)")
        #expect(request.contains("\r\nHost: blog.internal\r\n") && arguments.contains("probe=http"))
    }

    @Test("without a path, any answer of the app is accepted")
    func guess() async throws {
        let (request, arguments) = try await stage(nil).candidate.probe
        #expect(request.hasPrefix("GET / HTTP/1.1\r\nHost: blog.domain.com\r\n"), "\(request)")
        #expect(arguments.contains("accept=any") && arguments.contains("try=2"))
    }

    @Test("an answer that the kubelet does not get is reported with both requests and the fix")
    func explained() async throws {
        let message = try await stage(ReadinessProbe(path: "/up", headers: [.init("X-Forwarded-Proto", "https")]))
            .message
        #expect(
            message.hasSuffix(
                """
                HTTP/1.1 400 Bad Request; this is its response to GET /up with Host: blog.domain.com, X-Forwarded-Proto: https; \
                the kubelet's probe sends GET /up with Host: <the pod's address>:8080, X-Forwarded-Proto: https and accepts the \
                answer. To fix: let the app answer both, or set the Host that it expects in httpHeaders of its \
                readinessProbe
                """), "\(message)")
        for answer in ["HTTP/1.1 503 Service Unavailable", "Connection refused"] {
            let message = try await stage(internalHost, answer: answer).message
            #expect(message.hasSuffix(answer), "\(message)")
        }
    }
}
