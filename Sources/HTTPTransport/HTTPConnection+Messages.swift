import AsyncHTTPClient
import Foundation
import NIOHTTP1

extension HTTPConnection {
    /// Header fields in their order, with names that match without regard to case.
    package struct Headers: Sendable, ExpressibleByDictionaryLiteral {
        package private(set) var fields: [(name: String, value: String)]

        package init(_ fields: [(name: String, value: String)] = []) { self.fields = fields }

        package init(dictionaryLiteral elements: (String, String)...) {
            fields = elements.map { (name: $0.0, value: $0.1) }
        }

        /// Another field, beside those of that name.
        package mutating func add(_ name: String, _ value: String) { fields.append((name, value)) }

        /// The first field of that name. Setting it replaces all of that name; setting nil removes them.
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
        /// Path and query, already percent-encoded, appended to the base URL.
        package var path: String
        package var headers: Headers
        package var body: Data?
        /// For the whole call: connecting, retries, and the body of the answer. Of a stream: until its head.
        package var deadline: Duration
        /// An answer with more bytes than this is an error: whoever answers decides how many come.
        package var largestBody: Int
        package var retry: RetryPolicy
        /// Sends `Connection: close`: the call gets a connection that no later one reuses.
        package var closesConnection: Bool

        package init(
            _ method: String = "GET",
            _ path: String,
            headers: Headers = [:],
            body: Data? = nil,
            deadline: Duration = .seconds(30),
            largestBody: Int = 16 << 20,
            retry: RetryPolicy = .never,
            closesConnection: Bool = false
        ) {
            self.method = method
            self.path = path
            self.headers = headers
            self.body = body
            self.deadline = deadline
            self.largestBody = largestBody
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

        /// How long the server asks to be left alone.
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

/// Percent-encoding for the parts of a path and a query.
package enum PercentEncoding {
    /// Only what RFC 3986 calls unreserved stays as it is, so that no value can end a segment or a parameter.
    package static func encode(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }

    /// `?a=1&b=2`, empty for no parameters.
    package static func query(_ parameters: [(name: String, value: String)]) -> String {
        parameters.isEmpty
            ? "" : "?" + parameters.map { "\(encode($0.name))=\(encode($0.value))" }.joined(separator: "&")
    }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
}
