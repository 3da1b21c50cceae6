/// Why an upstream file could not be read or edited. The message does not name the file: the caller adds the name.
package enum UpstreamFileError: Error, Sendable, Hashable {
    /// nginx's grammar does not allow it.
    case syntax(line: Int, problem: String)
    case noSuchUpstream(name: String, known: [String])
    /// Two blocks with one name: nginx refuses such a file.
    case duplicateUpstream(name: String, lines: [Int])
    /// The upstream has no server line for this port on the loopback address.
    case noServer(port: Int, upstream: String, line: Int, servers: [String])
    /// The same port was requested as up and as down.
    case samePort(Int)
}

extension UpstreamFileError: CustomStringConvertible {
    /// The line that the error is about, counted from 1; `nil` when it is about no line.
    package var line: Int? {
        switch self {
        case .syntax(let line, _), .noServer(_, _, let line, _): line
        case .duplicateUpstream(_, let lines): lines.last
        case .noSuchUpstream, .samePort: nil
        }
    }

    package var description: String {
        switch self {
        case .syntax(let line, let problem):
            "line \(line): \(problem)"
        case .noSuchUpstream(let name, let known) where known.isEmpty:
            "there is no upstream \(name); the file has no upstream"
        case .noSuchUpstream(let name, let known):
            "there is no upstream \(name); the file has \(known.joined(separator: ", "))"
        case .duplicateUpstream(let name, let lines):
            "upstream \(name) is defined more than once, on lines \(lines.map(String.init).joined(separator: ", "))"
        case .noServer(let port, let upstream, let line, let servers):
            "line \(line): upstream \(upstream) has no line \"server 127.0.0.1:\(port)\"; it has "
                + (servers.isEmpty ? "no server" : servers.joined(separator: ", "))
        case .samePort(let port):
            "port \(port) cannot be both up and down"
        }
    }
}
