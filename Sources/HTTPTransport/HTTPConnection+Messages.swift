import AsyncHTTPClient
import Foundation
import NIOHTTP1

extension HTTPConnection {
    /// Header fields in order. Names are case-insensitive.
    package struct Headers: Sendable, ExpressibleByDictionaryLiteral {
        package private(set) var fields: [(name: String, value: String)]

        package init(_ fields: [(name: String, value: String)] = []) { self.fields = fields }

        package init(dictionaryLiteral elements: (String, String)...) {
            fields = elements.map { (name: $0.0, value: $0.1) }
        }

        /// Adds a field and keeps existing fields with that name.
        package mutating func add(_ name: String, _ value: String) { fields.append((name, value)) }

        /// The first field with that name. Setting replaces all fields with that name; setting nil removes them.
        package subscript(name: String) -> String? {
            get { fields.first { $0.name.caseInsensitiveCompare(name) == .orderedSame }?.value }
            set {
                fields.removeAll { $0.name.caseInsensitiveCompare(name) == .orderedSame }
                if let newValue { fields.append((name, newValue)) }
            }
        }
    }

    package struct Request: Sendable {
        package var method: String
        /// Path and query, percent-encoded, appended to the base URL.
        package var path: String
        package var headers: Headers
        package var body: Data?
        /// For the whole request: connecting, retries and the response body. For a stream: until the response head.
        package var deadline: Duration
        /// A response body with more bytes than this is an error, or is cut.
        package var largestBody: Int
        /// Of a larger response body the beginning is enough.
        package var cutsBody: Bool
        package var retry: RetryPolicy
        /// Sends `Connection: close`, so that no later request reuses the connection.
        package var closesConnection: Bool

        package init(
            _ method: String = "GET",
            _ path: String,
            headers: Headers = [:],
            body: Data? = nil,
            deadline: Duration = .seconds(30),
            largestBody: Int = 16 << 20,
            cutsBody: Bool = false,
            retry: RetryPolicy = .never,
            closesConnection: Bool = false
        ) {
            self.method = method
            self.path = path
            self.headers = headers
            self.body = body
            self.deadline = deadline
            self.largestBody = largestBody
            self.cutsBody = cutsBody
            self.retry = retry
            self.closesConnection = closesConnection
        }
    }

    package struct Response: Sendable {
        package var status: Int
        package var headers: Headers
        package var body: Data

        package init(status: Int, headers: Headers = [:], body: Data = Data()) {
            self.status = status
            self.headers = headers
            self.body = body
        }

        package var isSuccess: Bool { (200..<300).contains(status) }

        /// The delay that the server requests before the next attempt.
        package var retryAfter: Duration? { headers.retryAfter }
    }
}

extension HTTPConnection.Headers {
    /// `Retry-After`, in seconds or as a date (RFC 9110, 10.2.3); a day at most.
    package var retryAfter: Duration? {
        guard let text = self["Retry-After"]?.trimmingCharacters(in: .whitespaces) else { return nil }
        if let seconds = Int(text) { return .seconds(min(max(seconds, 0), 86_400)) }
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(secondsFromGMT: 0)
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return format.date(from: text).map { .milliseconds(Int64(min(max(0, $0.timeIntervalSinceNow), 86_400) * 1000)) }
    }

    init(_ headers: HTTPHeaders) {
        self.init(headers.map { (name: $0.name, value: $0.value) })
    }
}

extension HTTPConnection.Response {
    init(_ answer: HTTPClientResponse, body: Data) {
        self.init(status: Int(answer.status.code), headers: .init(answer.headers), body: body)
    }
}

/// Percent-encoding for path segments and query parameters.
package enum PercentEncoding {
    /// Encodes everything except the unreserved characters of RFC 3986, so that no value can end a segment or a parameter.
    package static func encode(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }

    /// `?a=1&b=2`; empty without parameters.
    package static func query(_ parameters: [(name: String, value: String)]) -> String {
        parameters.isEmpty
            ? "" : "?" + parameters.map { "\(encode($0.name))=\(encode($0.value))" }.joined(separator: "&")
    }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
}
