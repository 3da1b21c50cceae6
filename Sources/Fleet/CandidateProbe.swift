import Foundation

/// How a candidate is probed from a node before traffic moves to it.
package enum CandidateProbe: Sendable, Hashable {
    /// A connection must be accepted.
    case tcp
    /// GET must return a status from 200 to 399, as for Kubernetes' probes.
    case http(HTTPProbe)
    /// A FastCGI responder must answer a request for this script likewise (php-fpm answers its `ping.path` itself), or else answer
    /// FCGI_GET_VALUES.
    case fastcgi(path: String = "/ping", host: String = "localhost", isGuess: Bool = false)

    package static func http(path: String, host: String = "localhost", isGuess: Bool = false) -> CandidateProbe {
        .http(HTTPProbe(path: path, host: host, isGuess: isGuess))
    }

    /// The number of connections that reach every pod from one node, with high probability.
    ///
    /// For each connection to a NodePort, kube-proxy in iptables mode chooses one of n endpoints at random with equal probability
    /// (`-m statistic --mode random`). Each node has its own rules, which may be outdated. With c connections, the probability that a
    /// certain endpoint is missed is (1 - 1/n)^c, and that any is missed is at most n (1 - 1/n)^c. That is below 1/1000 from
    /// c = ln(1000 n) / -ln(1 - 1/n) on: 11 connections for 2 pods, 20 for 3, 29 for 4, 88 for 10.
    ///
    /// The maximum is `connectionLimit`, which is enough for 11 pods. Of 20 pods, a dead one is missed in 0.6% of probes, of 50 in 13%;
    /// it would get one request in 50.
    package static func connections(toMeet endpoints: Int) -> Int {
        guard endpoints > 1 else { return 2 }
        let count = Double(min(endpoints, connectionLimit))
        return min(Int((log(1000 * count) / -log(1 - 1 / count)).rounded(.up)), connectionLimit)
    }

    private static let connectionLimit = 100
}

/// A GET request like the kubelet's.
package struct HTTPProbe: Sendable, Hashable {
    package struct Header: Sendable, Hashable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package var path: String
    /// The Host header, unless `headers` has one.
    package var host: String
    package var headers: [Header]
    /// Uses TLS without verifying the certificate. On a node with neither openssl(1) nor curl(1), only a connection is made.
    package var isTLS: Bool
    /// The time limit of the first attempt, at least two seconds; later attempts wait longer.
    package var timeout: Duration
    /// The path is not configured: any status below 500 is accepted.
    package var isGuess: Bool
    /// A description of the kubelet's probe of the same pods, for a message when its result differs.
    package var kubelet: String?

    package init(
        path: String,
        host: String = "localhost",
        headers: [Header] = [],
        isTLS: Bool = false,
        timeout: Duration = .seconds(1),
        isGuess: Bool = false,
        kubelet: String? = nil
    ) {
        self.path = path
        self.host = host
        self.headers = headers
        self.isTLS = isTLS
        self.timeout = timeout
        self.isGuess = isGuess
        self.kubelet = kubelet
    }

    /// The request, for messages: `GET /up with Host: blog.domain.com`.
    package var description: String {
        "GET \(path) with "
            + fields.filter { !Self.own.contains($0.name.lowercased()) }
            .map { "\($0.name): \($0.value)" }.joined(separator: ", ")
    }

    /// An explanation for a status of 400 to 499, which is the app's response to this request.
    package func advice(on output: [String]) -> String? {
        guard output.contains(where: { $0.hasPrefix("HTTP/1.") && $0.dropFirst(8).hasPrefix(" 4") }) else { return nil }
        return "this is its response to \(description)" + (kubelet.map { "; \($0)" } ?? "")
    }

    private static let own = ["user-agent", "accept", "connection"]

    /// The header fields to send. Invalid ones are dropped (RFC 9110, 5.5: no control characters in a value).
    private var fields: [Header] {
        let usable = headers.filter { header in
            !header.name.isEmpty && header.name.lowercased() != "connection"
                && header.name.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ":") }
                && header.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
        }
        let named = Set(usable.map { $0.name.lowercased() })
        let usual = [Header("Host", host), Header("User-Agent", "viridian"), Header("Accept", "*/*")]
        return usual.filter { !named.contains($0.name.lowercased()) } + usable + [Header("Connection", "close")]
    }

    fileprivate var bytes: [UInt8] {
        Array(
            ("GET \(path) HTTP/1.1\r\n" + fields.map { "\($0.name): \($0.value)\r\n" }.joined() + "\r\n").utf8)
    }

    fileprivate var seconds: Int64 { min(max(2, timeout.components.seconds), 3600) }
}

extension Optional<CandidateProbe> {
    var arguments: [String] {
        switch self {
        case nil: ["probe=none"]
        case .tcp: ["probe=tcp"]
        case .http(let probe):
            [
                "probe=\(probe.isTLS ? "https" : "http")", "accept=\(probe.isGuess ? "any" : "good")",
                "try=\(probe.seconds)",
                "send=\(Self.escaped(probe.bytes))",
            ]
        case .fastcgi(let path, let host, let isGuess):
            [
                "probe=fastcgi", "accept=\(isGuess ? "any" : "good")",
                "send=\(Self.escaped(FastCGI.request(path: path, host: host)))",
                "send_more=\(Self.escaped(FastCGI.getValues))",
            ]
        }
    }

    /// Octal escapes for printf(1).
    private static func escaped(_ bytes: [UInt8]) -> String {
        bytes.reduce(into: "") { text, byte in
            let digits = String(byte, radix: 8)
            text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
        }
    }
}

/// Requests to a FastCGI application (FastCGI specification 1.0).
enum FastCGI {
    /// FCGI_BEGIN_REQUEST for a responder that closes the connection after it, FCGI_PARAMS, an empty FCGI_STDIN.
    static func request(path: String, host: String) -> [UInt8] {
        let (script, query) =
            path.firstIndex(of: "?").map { (path[..<$0], path[path.index(after: $0)...]) } ?? (path[...], "")
        let parameters: [(String, String)] = [
            ("GATEWAY_INTERFACE", "CGI/1.1"), ("REQUEST_METHOD", "GET"), ("SCRIPT_NAME", String(script)),
            ("SCRIPT_FILENAME", String(script)), ("DOCUMENT_URI", String(script)), ("REQUEST_URI", path),
            ("QUERY_STRING", String(query)), ("CONTENT_LENGTH", "0"), ("SERVER_PROTOCOL", "HTTP/1.0"),
            ("SERVER_SOFTWARE", "viridian"), ("SERVER_NAME", host), ("SERVER_ADDR", "127.0.0.1"),
            ("REMOTE_ADDR", "127.0.0.1"), ("HTTP_HOST", host),
        ]
        let pairs = parameters.flatMap { pair($0.0, $0.1) }
        return record(type: 1, request: 1, [0, 1, 0, 0, 0, 0, 0, 0]) + record(type: 4, request: 1, pairs)
            + record(type: 4, request: 1, []) + record(type: 5, request: 1, [])
    }

    /// A management record, which every application must answer.
    static let getValues = record(type: 9, request: 0, pair("FCGI_MPXS_CONNS", ""))

    private static func record(type: UInt8, request: UInt8, _ content: [UInt8]) -> [UInt8] {
        [1, type, 0, request, UInt8(content.count >> 8), UInt8(content.count & 0xFF), 0, 0] + content
    }

    private static func pair(_ name: String, _ value: String) -> [UInt8] {
        length(name) + length(value) + Array(name.utf8) + Array(value.utf8)
    }

    private static func length(_ text: String) -> [UInt8] {
        let count = text.utf8.count
        guard count > 127 else { return [UInt8(count)] }
        return [
            UInt8(truncatingIfNeeded: count >> 24) | 0x80, UInt8(truncatingIfNeeded: count >> 16),
            UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count),
        ]
    }
}
