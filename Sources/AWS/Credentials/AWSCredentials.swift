import Foundation

/// An access key with its secret, and for temporary ones the session's token and when they end.
package struct AWSCredentials: Sendable, Hashable {
    package var accessKeyID: String
    package var secretAccessKey: String
    package var sessionToken: String?
    /// `nil` for keys that stay until somebody deletes them.
    package var expiration: Date?
    /// Where they are from, as messages name it: `the environment`, `profile deploy of /root/.aws/credentials`.
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

/// Neither the secret nor the token reaches a log through string interpolation.
extension AWSCredentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "access key \(accessKeyID) from \(source)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// There are no credentials, or those that are configured cannot be used.
package enum AWSCredentialError: Error, Sendable, Hashable {
    /// Nothing is configured anywhere; each place that was looked in, with why it gave none.
    case none(tried: [Attempt])
    /// This place is configured, and so it is used or nothing: other credentials than those somebody asked for could act
    /// in another account.
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
