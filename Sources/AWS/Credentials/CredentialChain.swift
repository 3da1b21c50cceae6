import Foundation

/// The places of AWS credentials, tried in the order of AWS's own programs: environment, web identity, shared files,
/// container, instance metadata. Temporary credentials are cached until shortly before they expire.
///
/// A place that is not configured is skipped. A place that is configured but does not work is an error.
package actor CredentialChain {
    package nonisolated let hostEnvironment: AWSEnvironment
    private var cached: AWSCredentials?

    package init(_ hostEnvironment: AWSEnvironment = AWSEnvironment()) { self.hostEnvironment = hostEnvironment }

    /// Temporary credentials are replaced when they expire within this time, in seconds.
    private static let margin: TimeInterval = 300
    /// When new credentials cannot be obtained, cached ones are used until this many seconds before they expire.
    private static let minimum: TimeInterval = 30

    /// Credentials that are valid for at least `need`, or for less when no others can be obtained.
    /// - Throws: `AWSCredentialError`.
    package func credentials(for need: Duration = .zero) async throws -> AWSCredentials {
        let now = hostEnvironment.now()
        let needed = max(Self.margin, TimeInterval(need.components.seconds))
        if let cached, cached.remaining(at: now) > needed { return cached }
        do {
            let fresh = try await load()
            // Permanent keys are read each time, as they can be replaced at any time.
            cached = fresh.expiration == nil ? nil : fresh
            return fresh
        } catch {
            if Task.isCancelled { throw error }
            if let cached, cached.remaining(at: now) > Self.minimum { return cached }
            throw error
        }
    }

    /// Drops the cached credentials, after AWS has refused them.
    package func forget() { cached = nil }

    private func load() async throws -> AWSCredentials {
        let sources = CredentialSources(hostEnvironment: hostEnvironment)
        var tried: [AWSCredentialError.Attempt] = []
        for (place, read) in sources.inOrder {
            switch try await read() {
            case .found(let credentials): return credentials
            case .absent(let reason): tried.append(.init(place: place, reason: reason))
            }
        }
        throw AWSCredentialError.none(tried: tried)
    }
}

/// The result of reading one place.
enum CredentialFinding: Sendable {
    case found(AWSCredentials)
    /// Not configured, with the reason.
    case absent(String)
}

/// Reads each place.
struct CredentialSources: Sendable {
    typealias Read = @Sendable () async throws -> CredentialFinding

    let hostEnvironment: AWSEnvironment

    var inOrder: [(place: String, read: Read)] {
        [
            ("environment", { try fromEnvironment() }),
            ("web identity", { try await fromWebIdentity() }),
            ("shared files", { try await fromSharedFiles() }),
            ("container", { try await fromContainer() }),
            ("instance metadata", { try await fromInstance() }),
        ]
    }

    func fromEnvironment() throws -> CredentialFinding {
        guard let key = hostEnvironment.variable("AWS_ACCESS_KEY_ID") else {
            guard hostEnvironment.variable("AWS_SECRET_ACCESS_KEY") == nil else {
                throw AWSCredentialError.unusable(
                    place: "the environment", problem: "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not")
            }
            return .absent("AWS_ACCESS_KEY_ID is not set")
        }
        guard let secret = hostEnvironment.variable("AWS_SECRET_ACCESS_KEY") else {
            throw AWSCredentialError.unusable(
                place: "the environment", problem: "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not")
        }
        return .found(
            AWSCredentials(
                accessKeyID: key, secretAccessKey: secret, sessionToken: hostEnvironment.variable("AWS_SESSION_TOKEN"),
                source: "the environment"))
    }

    func fromWebIdentity() async throws -> CredentialFinding {
        guard let file = hostEnvironment.variable("AWS_WEB_IDENTITY_TOKEN_FILE") else {
            return .absent("AWS_WEB_IDENTITY_TOKEN_FILE is not set")
        }
        let place = "the web identity of AWS_WEB_IDENTITY_TOKEN_FILE"
        guard let role = hostEnvironment.variable("AWS_ROLE_ARN") else {
            throw AWSCredentialError.unusable(
                place: place, problem: "AWS_ROLE_ARN, the role to assume, is not set")
        }
        return .found(
            try await webIdentity(
                file: file, role: role, session: hostEnvironment.variable("AWS_ROLE_SESSION_NAME"), place: place))
    }

    /// Exchanges the token in a file, written by Kubernetes (IRSA) or a CI system, for a role's temporary keys.
    func webIdentity(file: String, role: String, session: String?, place: String) async throws -> AWSCredentials {
        let path = hostEnvironment.path(file)
        guard let data = FileManager.default.contents(atPath: path) else {
            throw AWSCredentialError.unusable(place: place, problem: "\(path) cannot be read")
        }
        let token = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty else {
            throw AWSCredentialError.unusable(place: place, problem: "\(path) is empty")
        }
        do {
            return try await SecurityTokenService(hostEnvironment).assume(
                role: role, session: session, webIdentityToken: token, source: "role \(role), by web identity")
        } catch let error as AWSError {
            throw AWSCredentialError.unusable(place: place, problem: error.description)
        }
    }
}
