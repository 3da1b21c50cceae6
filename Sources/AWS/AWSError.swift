import Foundation
import HTTPTransport
import XMLCoder

/// AWS refused a call or did not answer it.
package struct AWSError: Error, Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// The key is unknown or inactive, or its secret is wrong.
        case notAccepted
        /// The temporary credentials have expired.
        case expired
        /// The policy of these credentials does not allow the action.
        case denied
        /// The clocks differ too much. `ahead`: the seconds by which this machine's clock is ahead, if known.
        case clock(ahead: TimeInterval?)
        /// Throttled, or an error of the service, in each of this many attempts.
        case busy(attempts: Int)
        case notFound
        /// AWS refused the request for another reason.
        case refused
        /// The response does not follow AWS's protocol.
        case notUnderstood
        case unreachable(TransportError)
    }

    package var kind: Kind
    /// The action's name in policies: `ec2:DescribeInstances`.
    package var action: String
    package var region: String
    /// The host of the endpoint.
    package var host: String
    package var status: Int?
    /// AWS's error code: `UnauthorizedOperation`.
    package var code: String?
    package var message: String?
    /// The access key and its source.
    package var credentials: String?

    /// Whether a later call may succeed without any change.
    package var isTemporary: Bool {
        switch kind {
        case .busy, .unreachable: true
        default: false
        }
    }
}

extension AWSError: CustomStringConvertible {
    package var description: String {
        let detail = [code, message.map(Self.brief)].compactMap { $0 }.joined(separator: ": ")
        let answer = detail.isEmpty ? status.map { "status \($0)" } ?? "" : detail
        let who = credentials.map { " (\($0))" } ?? ""
        switch kind {
        case .notAccepted:
            return "AWS does not accept the credentials\(who) for \(action) in \(region): \(answer); "
                + "check that the key is active, that its secret is correct and that the account has \(region) enabled"
        case .expired:
            return
                "the AWS session has expired\(who), so \(action) was refused: \(answer); sign in again, or use a profile "
                + "or role that is renewed automatically"
        case .denied:
            return "AWS does not allow \(action)\(who): \(answer); allow \(action) in the policy of the user or role "
                + "of these credentials"
        case .clock(let ahead):
            let by =
                ahead.map { " \(Self.span(abs($0))) \($0 < 0 ? "behind" : "ahead of") AWS's" } ?? " too far from AWS's"
            return "this machine's clock is\(by), so \(action) was refused: \(answer); set the clock (NTP)"
        case .busy(let attempts):
            return
                "AWS was too busy for \(action) in \(region) in \(attempts) attempts: \(answer); retry later"
        case .notFound: return "\(action): \(answer)"
        case .refused: return "AWS refused \(action) in \(region): \(answer)"
        case .notUnderstood:
            return "the response of \(host) to \(action) is not from AWS (\(answer)); check the endpoint"
        case .unreachable(let error):
            let hint = error.kind == .unresolvable ? "; check the region \(region)" : ""
            return "\(action) did not reach AWS: \(error)\(hint)"
        }
    }

    private static func brief(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return line.count > 300 ? line.prefix(300) + "…" : line
    }

    private static func span(_ seconds: TimeInterval) -> String {
        let seconds = min(seconds, 100 * 365 * 86_400)
        return seconds < 120
            ? "\(Int(seconds)) s"
            : seconds < 7200 ? "\(Int((seconds / 60).rounded())) min" : "\(Int((seconds / 3600).rounded())) h"
    }
}

/// An error document, in any of the three forms of AWS's XML services.
struct ErrorDocument: Decodable {
    struct Body: Decodable {
        var code: String?
        var message: String?
    }

    struct List: Decodable {
        var error: Body?
    }

    /// EC2: `<Response><Errors><Error>…`
    var errors: List?
    /// STS and most others: `<ErrorResponse><Error>…`
    var error: Body?
    /// S3: `<Error><Code>…`
    var code: String?
    var message: String?

    var shownCode: String? { errors?.error?.code ?? error?.code ?? code }
    var shownMessage: String? { errors?.error?.message ?? error?.message ?? message }
}

/// The meaning of AWS's error codes, for all services:
/// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html, the pages "Common Errors" of STS and
/// "Error Responses" of S3.
enum ErrorCode {
    static let notAccepted: Set = [
        "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch",
        "InvalidAccessKeyId", "MissingAuthenticationToken", "IncompleteSignature", "InvalidSecurity", "OptInRequired",
        "Blocked", "InvalidIdentityToken", "IDPRejectedClaim", "InvalidToken",
    ]
    static let expired: Set = ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"]
    static let denied: Set = [
        "UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "UnauthorizedAccess", "AllAccessDisabled",
    ]
    static let clock: Set = ["RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"]
    static let busy: Set = [
        "RequestLimitExceeded", "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
        "RequestThrottledException", "TooManyRequestsException", "BandwidthLimitExceeded", "SlowDown",
        "PriorRequestNotComplete", "EC2ThrottledException", "InternalError", "InternalFailure", "InternalServiceError",
        "ServiceUnavailable", "Unavailable", "IDPCommunicationError", "RequestTimeout", "ServerInternal",
    ]
    static let notFound: Set = ["NoSuchKey", "NoSuchBucket", "NotFound"]

    /// The kind of an error response; `skew` is the number of seconds by which this machine's clock is ahead.
    static func kind(code: String?, message: String?, status: Int, skew: TimeInterval?) -> AWSError.Kind {
        let isSkewed = skew.map { abs($0) > 240 } ?? false
        let mentionsTime = message.map { $0.contains("not yet current") || $0.contains("Signature expired") } ?? false
        if mentionsTime { return .clock(ahead: isSkewed ? skew : nil) }
        switch code {
        case let code? where clock.contains(code): return .clock(ahead: isSkewed ? skew : nil)
        // With a wrong clock, some services only report an invalid signature.
        case let code? where notAccepted.contains(code): return isSkewed ? .clock(ahead: skew) : .notAccepted
        case let code? where expired.contains(code): return .expired
        case let code? where denied.contains(code): return .denied
        case let code? where busy.contains(code): return .busy(attempts: 1)
        case let code? where notFound.contains(code): return .notFound
        default:
            if status == 429 || [502, 503, 504].contains(status) { return .busy(attempts: 1) }
            if code == nil {
                switch status {
                case 401: return isSkewed ? .clock(ahead: skew) : .notAccepted
                case 403: return isSkewed ? .clock(ahead: skew) : .denied
                case 404: return .notFound
                case 400..<500: return .refused
                default: return .notUnderstood
                }
            }
            return status >= 500 ? .busy(attempts: 1) : .refused
        }
    }
}

/// Decoders for AWS's documents, whose keys begin with a capital letter.
enum Decoding {
    static func xml<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
        // The decoder is recursive: deep nesting would overflow the stack.
        guard XMLDepth(data) <= XMLDepth.limit else { throw XMLDepth.TooDeep() }
        let decoder = XMLDecoder()
        decoder.keyDecodingStrategy = .convertFromCapitalized
        return try decoder.decode(type, from: data)
    }

    static func json() -> JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .custom { path in
            let name = path.last?.stringValue ?? ""
            return Name(stringValue: name.prefix(1).lowercased() + name.dropFirst())
        }
        return decoder
    }

    private struct Name: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
