import Foundation

/// The places where AWS credentials can be, asked in the order of AWS's own programs, each time anew: environment, web
/// identity, shared files, container, instance metadata. Temporary ones are kept until shortly before they end.
///
/// A place that is not configured is passed over; one that is configured and does not work is an error.
package actor CredentialChain {
    package nonisolated let surroundings: AWSSurroundings
    private var kept: AWSCredentials?

    package init(_ surroundings: AWSSurroundings = AWSSurroundings()) { self.surroundings = surroundings }

    /// Temporary credentials are replaced when less than this is left of them.
    private static let margin: TimeInterval = 300
    /// What is left when new ones cannot be had and the old ones are better than nothing.
    private static let least: TimeInterval = 30

    /// Those that are good for at least `need`; they may end earlier when no better ones can be had.
    /// Throws `AWSCredentialError`.
    package func credentials(for need: Duration = .zero) async throws -> AWSCredentials {
        let now = surroundings.now()
        let needed = max(Self.margin, TimeInterval(need.components.seconds))
        if let kept, kept.remaining(at: now) > needed { return kept }
        do {
            let fresh = try await load()
            // Keys without an end are read again each time: who replaces them need not tell us.
            kept = fresh.expiration == nil ? nil : fresh
            return fresh
        } catch {
            if Task.isCancelled { throw error }
            if let kept, kept.remaining(at: now) > Self.least { return kept }
            throw error
        }
    }

    /// AWS did not take them any more.
    package func forget() { kept = nil }

    private func load() async throws -> AWSCredentials {
        let sources = CredentialSources(surroundings: surroundings)
        var tried: [AWSCredentialError.Attempt] = []
        for (place, look) in sources.inOrder {
            switch try await look() {
            case .found(let credentials): return credentials
            case .absent(let reason): tried.append(.init(place: place, reason: reason))
            }
        }
        throw AWSCredentialError.none(tried: tried)
    }
}

/// What a place had.
enum CredentialFinding: Sendable {
    case found(AWSCredentials)
    /// It is not configured; why that is thought.
    case absent(String)
}

/// The places themselves.
struct CredentialSources: Sendable {
    typealias Look = @Sendable () async throws -> CredentialFinding

    let surroundings: AWSSurroundings

    var inOrder: [(place: String, look: Look)] {
        [
            ("environment", { try fromEnvironment() }),
            ("web identity", { try await fromWebIdentity() }),
            ("shared files", { try await fromSharedFiles() }),
            ("container", { try await fromContainer() }),
            ("instance metadata", { try await fromInstance() }),
        ]
    }

    func fromEnvironment() throws -> CredentialFinding {
        guard let key = surroundings.variable("AWS_ACCESS_KEY_ID") else {
            guard surroundings.variable("AWS_SECRET_ACCESS_KEY") == nil else {
                throw AWSCredentialError.unusable(
                    place: "the environment", problem: "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not")
            }
            return .absent("AWS_ACCESS_KEY_ID is not set")
        }
        guard let secret = surroundings.variable("AWS_SECRET_ACCESS_KEY") else {
            throw AWSCredentialError.unusable(
                place: "the environment", problem: "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not")
        }
        return .found(
            AWSCredentials(
                accessKeyID: key, secretAccessKey: secret, sessionToken: surroundings.variable("AWS_SESSION_TOKEN"),
                source: "the environment"))
    }

    func fromWebIdentity() async throws -> CredentialFinding {
        guard let file = surroundings.variable("AWS_WEB_IDENTITY_TOKEN_FILE") else {
            return .absent("AWS_WEB_IDENTITY_TOKEN_FILE is not set")
        }
        let place = "the web identity of AWS_WEB_IDENTITY_TOKEN_FILE"
        guard let role = surroundings.variable("AWS_ROLE_ARN") else {
            throw AWSCredentialError.unusable(
                place: place, problem: "AWS_ROLE_ARN, the role to take, is not set")
        }
        return .found(
            try await webIdentity(
                file: file, role: role, session: surroundings.variable("AWS_ROLE_SESSION_NAME"), place: place))
    }

    /// Exchanges the token that Kubernetes (IRSA) or a CI puts into a file for a role's temporary keys.
    func webIdentity(file: String, role: String, session: String?, place: String) async throws -> AWSCredentials {
        let path = surroundings.path(file)
        guard let data = FileManager.default.contents(atPath: path) else {
            throw AWSCredentialError.unusable(place: place, problem: "\(path) cannot be read")
        }
        let token = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty else {
            throw AWSCredentialError.unusable(place: place, problem: "\(path) is empty")
        }
        do {
            return try await TokenService(surroundings).assume(
                role: role, session: session, webIdentityToken: token, source: "role \(role), by web identity")
        } catch let error as AWSError {
            throw AWSCredentialError.unusable(place: place, problem: error.description)
        }
    }
}
