import Crypto
import Foundation
import HTTPTransport

/// AWS Signature Version 4, in a header or in the query of a URL.
///
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
package struct Signer: Sendable {
    package var credentials: AWSCredentials
    package var region: String
    /// `ec2`, `sts`, `s3`.
    package var service: String
    package var date: Date

    package init(credentials: AWSCredentials, region: String, service: String, date: Date) {
        self.credentials = credentials
        self.region = region
        self.service = service
        self.date = date
    }

    /// The request to sign.
    package struct Message: Sendable {
        package var method: String
        /// The value of the `Host` header: with the port unless it is the scheme's default.
        package var host: String
        /// Percent-encoded once, with a leading slash.
        package var path: String
        /// Not encoded.
        package var query: [(name: String, value: String)]
        /// Besides `Host`.
        package var headers: [(name: String, value: String)]

        package init(
            method: String = "GET", host: String, path: String = "/", query: [(name: String, value: String)] = [],
            headers: [(name: String, value: String)] = []
        ) {
            self.method = method
            self.host = host
            self.path = path
            self.query = query
            self.headers = headers
        }
    }

    private static let algorithm = "AWS4-HMAC-SHA256"

    /// All header fields to send: the message's, `Host`, and those of the signature.
    package func headers(_ message: Message, body: Data) -> [(name: String, value: String)] {
        var message = message
        let payload = Self.hex(SHA256.hash(data: body))
        message.headers.append(("X-Amz-Date", stamp))
        if let token = credentials.sessionToken { message.headers.append(("X-Amz-Security-Token", token)) }
        if service == "s3" { message.headers.append(("X-Amz-Content-Sha256", payload)) }
        let (signature, names) = sign(message, payload: payload)
        let authorization =
            "\(Self.algorithm) Credential=\(credentials.accessKeyID)/\(scope), SignedHeaders=\(names), Signature=\(signature)"
        return [("Host", message.host)] + message.headers + [("Authorization", authorization)]
    }

    /// The query of a presigned URL, valid for `expires`, at most seven days. The body is not signed.
    package func presignedQuery(_ message: Message, expires: Duration) -> String {
        var message = message
        let seconds = min(max(expires.components.seconds, 1), 604_800)
        let names = (["host"] + message.headers.map { $0.name.lowercased() }).sorted().joined(separator: ";")
        message.query += [
            ("X-Amz-Algorithm", Self.algorithm), ("X-Amz-Credential", "\(credentials.accessKeyID)/\(scope)"),
            ("X-Amz-Date", stamp), ("X-Amz-Expires", "\(seconds)"), ("X-Amz-SignedHeaders", names),
        ]
        if let token = credentials.sessionToken { message.query.append(("X-Amz-Security-Token", token)) }
        let (signature, _) = sign(message, payload: service == "s3" ? "UNSIGNED-PAYLOAD" : Self.emptyPayload)
        return Self.canonical(message.query) + "&X-Amz-Signature=\(signature)"
    }

    // MARK: - Algorithm

    private func sign(_ message: Message, payload: String) -> (signature: String, signedHeaders: String) {
        var fields: [String: String] = ["host": message.host]
        for (name, value) in message.headers {
            let clean = value.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
            fields[name.lowercased()] = fields[name.lowercased()].map { "\($0),\(clean)" } ?? clean
        }
        let names = fields.keys.sorted()
        let signedHeaders = names.joined(separator: ";")
        let headerLines = names.map { "\($0):\(fields[$0] ?? "")\n" }.joined()
        let request = [
            message.method, canonicalPath(message.path), Self.canonical(message.query), headerLines, signedHeaders,
            payload,
        ].joined(separator: "\n")
        let text = [Self.algorithm, stamp, scope, Self.hex(SHA256.hash(data: Data(request.utf8)))]
            .joined(separator: "\n")

        var key = SymmetricKey(data: Data("AWS4\(credentials.secretAccessKey)".utf8))
        for part in [day, region, service, "aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Data(part.utf8), using: key))
        }
        return (Self.hex(HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: key)), signedHeaders)
    }

    private var stamp: String { date.awsStamp }
    private var day: String { String(stamp.prefix(8)) }
    private var scope: String { "\(day)/\(region)/\(service)/aws4_request" }

    /// S3 uses the path as sent; every other service encodes it once more.
    private func canonicalPath(_ path: String) -> String {
        guard service != "s3" else { return path.isEmpty ? "/" : path }
        return path.split(separator: "/", omittingEmptySubsequences: false)
            .map { PercentEncoding.encode(String($0)) }.joined(separator: "/")
    }

    /// Sorted by name, then value, both encoded.
    static func canonical(_ query: [(name: String, value: String)]) -> String {
        let pairs: [(String, String)] = query.map { pair in
            (PercentEncoding.encode(pair.name), PercentEncoding.encode(pair.value))
        }
        let sorted = pairs.sorted { first, second in
            first.0 == second.0 ? first.1 < second.1 : first.0 < second.0
        }
        return sorted.map { pair in pair.0 + "=" + pair.1 }.joined(separator: "&")
    }

    private static let emptyPayload = hex(SHA256.hash(data: Data()))

    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}

extension Date {
    /// `20130524T000000Z`
    var awsStamp: String {
        formatted(
            Date.ISO8601FormatStyle(
                dateSeparator: .omitted, dateTimeSeparator: .standard, timeSeparator: .omitted,
                timeZone: TimeZone(secondsFromGMT: 0) ?? .gmt))
    }

    /// An ISO 8601 date, with or without fractional seconds.
    init?(awsText text: String) {
        if let date = try? Date(text, strategy: .iso8601) {
            self = date
        } else if let date = try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)) {
            self = date
        } else {
            return nil
        }
    }
}
