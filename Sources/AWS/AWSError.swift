import Foundation
import HTTPTransport
import XMLCoder

/// AWS refused a call, or did not answer it.
package struct AWSError: Error, Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// The key is unknown or switched off, or its secret is another one.
        case notAccepted
        /// The session of temporary credentials is over.
        case expired
        /// The policy of whoever asks does not allow it.
        case denied
        /// The clocks of both sides are too far apart; by how much ours is ahead, where the answer told.
        case clock(ahead: TimeInterval?)
        /// Too many calls, or trouble at their side, for as often as it was tried.
        case busy(attempts: Int)
        case notFound
        /// What AWS does not do with this request.
        case refused
        /// What answered does not speak this protocol.
        case notUnderstood
        case unreachable(TransportError)
    }

    package var kind: Kind
    /// As a policy names it: `ec2:DescribeInstances`.
    package var action: String
    package var region: String
    /// The host that was asked.
    package var host: String
    package var status: Int?
    /// AWS's own word: `UnauthorizedOperation`.
    package var code: String?
    package var message: String?
    /// Whose credentials they were.
    package var credentials: String?

    /// It may be otherwise in a moment, without anybody doing anything.
    package var mayPass: Bool {
        switch kind {
        case .busy, .unreachable: true
        default: false
        }
    }
}

extension AWSError: CustomStringConvertible {
    package var description: String {
        let said = [code, message.map(Self.brief)].compactMap { $0 }.joined(separator: ": ")
        let answer = said.isEmpty ? status.map { "status \($0)" } ?? "" : said
        let who = credentials.map { " (\($0))" } ?? ""
        switch kind {
        case .notAccepted:
            return "AWS does not accept the credentials\(who) for \(action) in \(region): \(answer); "
                + "see that the key is active, that its secret is the right one and that the account uses \(region)"
        case .expired:
            return
                "the AWS session is over\(who), so \(action) was refused: \(answer); sign in again, or use a profile "
                + "or role that renews itself"
        case .denied:
            return "AWS does not allow \(action)\(who): \(answer); add an Allow of \(action) to the policy of whoever "
                + "these credentials belong to"
        case .clock(let ahead):
            let by =
                ahead.map { " \(Self.span(abs($0))) \($0 < 0 ? "behind" : "ahead of") AWS's" } ?? " too far from AWS's"
            return "this machine's clock is\(by), so \(action) was refused: \(answer); set the clock (NTP)"
        case .busy(let attempts):
            return
                "AWS had no time for \(action) in \(region), \(attempts) times in a row: \(answer); try again in a while"
        case .notFound: return "\(action): \(answer)"
        case .refused: return "AWS refused \(action) in \(region): \(answer)"
        case .notUnderstood:
            return "\(host) gave \(action) an answer that is not AWS's (\(answer)); is the endpoint right?"
        case .unreachable(let error):
            let hint = error.kind == .unresolvable ? "; is the region \(region) right?" : ""
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

/// An error document of any of the three forms that AWS's XML services have.
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

/// What AWS's words mean, those of all services together:
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

    /// What an answer means; `skew` is by how many seconds our clock is ahead of theirs.
    static func kind(code: String?, message: String?, status: Int, skew: TimeInterval?) -> AWSError.Kind {
        let isFar = skew.map { abs($0) > 240 } ?? false
        let speaksOfTime = message.map { $0.contains("not yet current") || $0.contains("Signature expired") } ?? false
        if speaksOfTime { return .clock(ahead: isFar ? skew : nil) }
        switch code {
        case let code? where clock.contains(code): return .clock(ahead: isFar ? skew : nil)
        // Some services only say that the signature is wrong.
        case let code? where notAccepted.contains(code): return isFar ? .clock(ahead: skew) : .notAccepted
        case let code? where expired.contains(code): return .expired
        case let code? where denied.contains(code): return .denied
        case let code? where busy.contains(code): return .busy(attempts: 1)
        case let code? where notFound.contains(code): return .notFound
        default:
            if status == 429 || [502, 503, 504].contains(status) { return .busy(attempts: 1) }
            if code == nil {
                switch status {
                case 401: return isFar ? .clock(ahead: skew) : .notAccepted
                case 403: return isFar ? .clock(ahead: skew) : .denied
                case 404: return .notFound
                case 400..<500: return .refused
                default: return .notUnderstood
                }
            }
            return status >= 500 ? .busy(attempts: 1) : .refused
        }
    }
}

/// Names begin with a capital in most of AWS's documents, and with a small letter here.
enum Decoding {
    static func xml<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
        // The decoder calls itself for each level, and a stack has an end.
        guard XMLDepth(data) <= XMLDepth.most else { throw XMLDepth.TooDeep() }
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
