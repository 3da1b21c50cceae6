import Foundation

/// An access key and its secret; temporary ones also have a session token and an expiration.
package struct AWSCredentials: Sendable, Hashable {
    package var accessKeyID: String
    package var secretAccessKey: String
    package var sessionToken: String?
    /// Nil for permanent keys.
    package var expiration: Date?
    /// Where they were found, for messages: `the environment`, `profile deploy of /root/.aws/credentials`.
    package var source: String

    package init(
        accessKeyID: String,
        secretAccessKey: String,
        sessionToken: String? = nil,
        expiration: Date? = nil,
        source: String
    ) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expiration = expiration
        self.source = source
    }

    func remaining(at now: Date) -> TimeInterval { expiration?.timeIntervalSince(now) ?? .infinity }
}

/// The secret and the token must not reach a log through string interpolation.
extension AWSCredentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "access key \(accessKeyID) from \(source)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// No credentials are configured, or the configured ones cannot be used.
package enum AWSCredentialError: Error, Sendable, Hashable {
    /// No place has credentials; the places that were tried, each with the reason.
    case none(tried: [Attempt])
    /// This place is configured but cannot be used. No other place is tried: its credentials could belong to another
    /// account.
    case unusable(place: String, problem: String)

    package struct Attempt: Sendable, Hashable {
        package var place: String
        package var reason: String
    }
}

extension AWSCredentialError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .none(let tried):
            let list = tried.map { "\($0.place) (\($0.reason))" }.joined(separator: "; ")
            return "there are no AWS credentials; tried \(list)"
        case .unusable(let place, let problem):
            return "the AWS credentials of \(place) cannot be used: \(problem)"
        }
    }
}
