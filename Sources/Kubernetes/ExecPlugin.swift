import Foundation
import HTTPTransport
import Processes

/// What a plugin that asks for it (`provideClusterInfo`) is told about the cluster.
struct ExecClusterInfo: Sendable {
    var server: String
    var authorities: Data?
    var isUnverified = false
    var serverName: String?
    var proxyURL: String?
    var isUncompressed = false
    /// The cluster's extension for plugins.
    var configuration: JSON?

    var object: JSON {
        var object: JSON = ["server": .string(server)]
        object["certificate-authority-data"] = authorities.map { .string($0.base64EncodedString()) }
        if isUnverified { object["insecure-skip-tls-verify"] = true }
        object["tls-server-name"] = serverName.map(JSON.string)
        object["proxy-url"] = proxyURL.map(JSON.string)
        if isUncompressed { object["disable-compression"] = true }
        object["config"] = configuration
        return object
    }
}

/// The `exec` section of a kubeconfig user: a program that prints credentials
/// (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins).
struct ExecPlugin: Sendable {
    var command: String
    var arguments: [String]
    var environment: [String: String]
    var apiVersion: String
    var installHint: String?
    /// Nil unless the plugin wants to know.
    var cluster: JSON?
    /// `/path/config: user "deploy"`, for messages.
    var title: String

    init(_ entry: KubeconfigEntry, cluster: ExecClusterInfo) throws(KubeconfigError) {
        func invalid(_ problem: String) -> KubeconfigError {
            .invalidValue(path: entry.path, line: entry.line, problem: "\(entry.title): \(problem)")
        }
        guard let command = try entry.string("command") else { throw invalid("command is missing") }
        // A name with a slash is relative to the file, one without is looked up on PATH.
        self.command = command.contains("/") ? entry.resolve(command) : command
        arguments = try entry.strings("args")
        environment = [:]
        for variable in try entry.entries("env") {
            guard let name = try variable.string("name") else { throw invalid("an entry of env has no name") }
            environment[name] = try variable.string("value") ?? ""
        }
        guard let apiVersion = try entry.string("apiVersion"), Self.versions.contains(apiVersion) else {
            throw invalid("apiVersion must be \(Self.versions.joined(separator: " or "))")
        }
        self.apiVersion = apiVersion
        switch try entry.string("interactiveMode") {
        case nil, "Never", "IfAvailable": break
        case "Always": throw invalid("interactiveMode Always needs a terminal, which Viridian does not give it")
        case let mode?: throw invalid("interactiveMode \(mode) must be Never, IfAvailable or Always")
        }
        installHint = try entry.string("installHint")?.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        self.cluster = try entry.bool("provideClusterInfo") ? cluster.object : nil
        title = "\(entry.path): \(entry.title)"
    }

    static let versions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]
}

/// What a plugin printed.
struct ExecAnswer: Sendable {
    var token: String?
    var certificate: TLSIdentity.ClientCertificate?
    /// Nil: good until the API server refuses it, or this process ends.
    var expiry: Date?
}

/// The credentials of a plugin could not be had.
package struct CredentialError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String

    init(_ description: String) { self.description = description }
}

extension ExecPlugin {
    /// Runs the program and reads what it prints.
    func run(deadline: Duration) async throws -> ExecAnswer {
        var spec: JSON = ["interactive": false]
        spec["cluster"] = cluster
        let info: JSON = ["apiVersion": .string(apiVersion), "kind": "ExecCredential", "spec": spec]
        var environment = ProcessInfo.processInfo.environment.merging(self.environment) { _, own in own }
        environment["KUBERNETES_EXEC_INFO"] = info.text
        let completed: Completed
        do {
            completed = try await Command(command, arguments, environment: environment).run(deadline: deadline)
        } catch let error as ProcessError {
            throw CredentialError("\(title): \(error)" + (installHint.map { " (\($0))" } ?? ""))
        }
        guard completed.succeeded else {
            let said = completed.error.split(whereSeparator: \.isNewline).last.map { ": \($0)" } ?? ""
            throw CredentialError("\(title): \(command) \(completed.termination)\(said)")
        }
        return try read(completed.output)
    }

    func read(_ output: String) throws(CredentialError) -> ExecAnswer {
        func wrong(_ problem: String) -> CredentialError { CredentialError("\(title): \(command) \(problem)") }
        // The output itself is secret, so it is never part of a message.
        guard let object = try? JSON(parsing: output) else { throw wrong("did not print JSON") }
        guard object["kind"]?.string == "ExecCredential", object["apiVersion"]?.string == apiVersion else {
            throw wrong("did not print an ExecCredential of \(apiVersion)")
        }
        let status = object["status"]
        var answer = ExecAnswer(token: status?["token"]?.string)
        switch (status?["clientCertificateData"]?.string, status?["clientKeyData"]?.string) {
        case (let chain?, let key?):
            let certificate = TLSIdentity.ClientCertificate(chain: Data(chain.utf8), key: Data(key.utf8))
            do {
                try TLSIdentity(clientCertificate: certificate).validate()
            } catch {
                throw wrong("printed credentials that cannot be used: \(error)")
            }
            answer.certificate = certificate
        case (nil, nil):
            guard answer.token?.isEmpty == false else {
                throw wrong("printed neither a token nor a client certificate")
            }
        default:
            throw wrong("printed only one of clientCertificateData and clientKeyData")
        }
        if let text = status?["expirationTimestamp"]?.string {
            guard let expiry = KubernetesTime.parse(text) else {
                throw wrong("printed an expirationTimestamp that is no RFC 3339 time: \(text)")
            }
            answer.expiry = expiry
        }
        return answer
    }
}

/// The credentials of a plugin, kept until they expire or are refused.
package actor ExecCredentials {
    typealias Current = (answer: ExecAnswer, generation: Int)

    private let plugin: ExecPlugin
    private let now: @Sendable () -> Date
    private var answer: ExecAnswer?
    /// Counts answers, so that only the one that was refused is thrown away.
    private var generation = 0
    /// The program while it runs: callers at the same time share one run, and a cancelled one ends it.
    private var running: Task<Current, any Error>?

    init(_ plugin: ExecPlugin, now: @escaping @Sendable () -> Date = { Date() }) {
        self.plugin = plugin
        self.now = now
    }

    func current() async throws -> Current {
        while true {
            // Ten seconds early, so that a call does not arrive with a token that has just expired.
            if let answer, answer.expiry.map({ $0.timeIntervalSince(now()) > 10 }) ?? true {
                return (answer, generation)
            }
            let run = running ?? start()
            do {
                return try await withTaskCancellationHandler {
                    try await run.value
                } onCancel: {
                    run.cancel()
                }
            } catch is CancellationError where !Task.isCancelled {
                // Another caller was cancelled, not this one.
                continue
            }
        }
    }

    private func start() -> Task<Current, any Error> {
        let run = Task {
            defer { running = nil }
            let fresh = try await plugin.run(deadline: .seconds(60))
            answer = fresh
            generation += 1
            return (answer: fresh, generation: generation)
        }
        running = run
        return run
    }

    /// The API server did not accept the answer of that generation.
    func discard(_ refused: Int) {
        if refused == generation { answer = nil }
    }
}
