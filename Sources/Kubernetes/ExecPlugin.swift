import Foundation
import HTTPTransport
import Processes

/// The cluster information for plugins with `provideClusterInfo`.
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
    /// Nil unless the plugin has `provideClusterInfo`.
    var cluster: JSON?
    /// `/path/config: user "deploy"`, for messages.
    var title: String

    init(_ entry: KubeconfigEntry, cluster: ExecClusterInfo) throws(KubeconfigError) {
        func invalid(_ problem: String) -> KubeconfigError {
            .invalidValue(path: entry.path, line: entry.line, problem: "\(entry.title): \(problem)")
        }
        guard let command = try entry.string("command") else { throw invalid("command is missing") }
        // A command with a slash is relative to the file; one without is searched on PATH.
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
        case "Always": throw invalid("interactiveMode Always requires a terminal, which Viridian does not provide")
        case let mode?: throw invalid("interactiveMode must be Never, IfAvailable or Always, not \(mode)")
        }
        installHint = try entry.string("installHint")?.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        self.cluster = try entry.bool("provideClusterInfo") ? cluster.object : nil
        title = "\(entry.path): \(entry.title)"
    }

    static let versions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]
}

/// The credentials that a plugin printed.
struct ExecOutput: Sendable {
    var token: String?
    var certificate: TLSIdentity.ClientCertificate?
    /// Nil: valid until the API server refuses it or this process ends.
    var expiry: Date?
}

/// Credentials cannot be obtained.
package struct CredentialError: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String

    init(_ description: String) { self.description = description }
}

extension ExecPlugin {
    /// Runs the program and parses its output.
    func run(deadline: Duration) async throws -> ExecOutput {
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
            let lastLine = completed.error.split(whereSeparator: \.isNewline).last.map { ": \($0)" } ?? ""
            throw CredentialError("\(title): \(command) \(completed.termination)\(lastLine)")
        }
        return try read(completed.output)
    }

    func read(_ printed: String) throws(CredentialError) -> ExecOutput {
        func failure(_ problem: String) -> CredentialError { CredentialError("\(title): \(command) \(problem)") }
        // The output is secret and must not be part of a message.
        guard let object = try? JSON(parsing: printed) else { throw failure("did not print JSON") }
        guard object["kind"]?.string == "ExecCredential", object["apiVersion"]?.string == apiVersion else {
            throw failure("did not print an ExecCredential of \(apiVersion)")
        }
        let status = object["status"]
        var output = ExecOutput(token: status?["token"]?.string)
        switch (status?["clientCertificateData"]?.string, status?["clientKeyData"]?.string) {
        case (let chain?, let key?):
            let certificate = TLSIdentity.ClientCertificate(chain: Data(chain.utf8), key: Data(key.utf8))
            do {
                try TLSIdentity(clientCertificate: certificate).validate()
            } catch {
                throw failure("printed credentials that cannot be used: \(error)")
            }
            output.certificate = certificate
        case (nil, nil):
            guard output.token?.isEmpty == false else {
                throw failure("printed neither a token nor a client certificate")
            }
        default:
            throw failure("printed only one of clientCertificateData and clientKeyData")
        }
        if let text = status?["expirationTimestamp"]?.string {
            guard let expiry = KubernetesTime.parse(text) else {
                throw failure("printed an expirationTimestamp that is not an RFC 3339 time: \(text)")
            }
            output.expiry = expiry
        }
        return output
    }
}

/// The credentials of a plugin, cached until they expire or are refused.
package actor ExecCredentials {
    typealias Current = (output: ExecOutput, generation: Int)

    private let plugin: ExecPlugin
    private let now: @Sendable () -> Date
    private var output: ExecOutput?
    /// Incremented for each run, so that only the refused credentials are dropped.
    private var generation = 0
    /// The current run of the program, shared by concurrent callers; a cancelled caller cancels it.
    private var running: Task<Current, any Error>?

    init(_ plugin: ExecPlugin, now: @escaping @Sendable () -> Date = { Date() }) {
        self.plugin = plugin
        self.now = now
    }

    func current() async throws -> Current {
        while true {
            // Ten seconds before expiry, so that a token does not expire on its way.
            if let output, output.expiry.map({ $0.timeIntervalSince(now()) > 10 }) ?? true {
                return (output, generation)
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
            output = fresh
            generation += 1
            return (output: fresh, generation: generation)
        }
        running = run
        return run
    }

    /// Drops the credentials of a generation that the API server refused.
    func discard(_ refused: Int) {
        if refused == generation { output = nil }
    }
}
