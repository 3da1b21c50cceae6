/// How a candidate is tried from a node before traffic moves to it.
package enum Probe: Sendable, Hashable {
    /// That a connection is accepted.
    case tcp
    /// That GET is answered with a status from 200 to 399, as Kubernetes' own probes take it. Where `isGuess` is set nobody has named
    /// the path: then any answer below 500 will do.
    case http(path: String, host: String = "localhost", isGuess: Bool = false)
    /// That a FastCGI responder answers a request for this script likewise (php-fpm answers its `ping.path` itself), or, where it
    /// gives no answer to that, FCGI_GET_VALUES.
    case fastcgi(path: String = "/ping", host: String = "localhost", isGuess: Bool = false)
}

extension Optional<Probe> {
    var arguments: [String] {
        switch self {
        case nil: ["probe=none"]
        case .tcp: ["probe=tcp"]
        case .http(let path, let host, let isGuess):
            [
                "probe=http", "accept=\(isGuess ? "any" : "good")",
                "send=\(Self.escaped(Self.httpRequest(path: path, host: host)))",
            ]
        case .fastcgi(let path, let host, let isGuess):
            [
                "probe=fastcgi", "accept=\(isGuess ? "any" : "good")",
                "send=\(Self.escaped(FastCGI.request(path: path, host: host)))",
                "send_more=\(Self.escaped(FastCGI.getValues))",
            ]
        }
    }

    /// As printf(1) takes any bytes.
    private static func escaped(_ bytes: [UInt8]) -> String {
        bytes.reduce(into: "") { text, byte in
            let digits = String(byte, radix: 8)
            text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
        }
    }

    private static func httpRequest(path: String, host: String) -> [UInt8] {
        Array("GET \(path) HTTP/1.0\r\nHost: \(host)\r\nUser-Agent: viridian\r\nConnection: close\r\n\r\n".utf8)
    }
}

/// What a web server sends to a FastCGI application (FastCGI specification 1.0).
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

    /// A management record, which every application has to answer.
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
