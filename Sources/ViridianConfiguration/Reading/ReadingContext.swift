import Foundation

/// What all files of one configuration share while they are read: where values come from and where errors go.
///
/// It lives in one function call and is seen by one task.
final class ReadingContext {
    let environment: [String: String]
    let workingDirectory: String
    private(set) var diagnostics: [Diagnostic] = []
    private var claims: [Claim: (location: Location, owner: String)] = [:]

    init(environment: [String: String], workingDirectory: String) {
        self.environment = environment
        self.workingDirectory = workingDirectory
    }

    func report(_ message: String, at location: Location) {
        diagnostics.append(
            Diagnostic(file: location.file.display, line: location.line, key: location.key, message: message))
    }

    /// Something that only one app can have.
    enum Claim: Hashable {
        case app(String)
        case port(Int)
        case upstream(String)
        case namespace(String)
    }

    /// Reports when another app has claimed the same before; `owner` is the app's name as far as it is known.
    func claim(_ claim: Claim, owner: String?, at location: Location) {
        guard let other = claims[claim] else {
            claims[claim] = (location, owner ?? location.file.display)
            return
        }
        let place = other.location.line.map { "\(other.location.file.display):\($0)" } ?? other.location.file.display
        switch claim {
        case .app(let name): report("expected a name of its own, but \(place) is named \(name) too", at: location)
        case .port(let port):
            let key = other.location.key ?? ""
            report("expected a port of its own, but \(port) is \(key) of \(other.owner) (\(place))", at: location)
        case .upstream(let name):
            report("expected a name of its own, but \(name) is the upstream of \(other.owner) (\(place))", at: location)
        case .namespace(let name):
            // Two apps of one name have been told so already.
            guard other.owner != owner else { return }
            // The lease and its record of what is live are one a namespace.
            report("expected a namespace of its own, but \(name) is that of \(other.owner) (\(place))", at: location)
        }
    }

    /// The diagnostics, those of a file together and by line.
    var sortedDiagnostics: [Diagnostic] {
        let files = diagnostics.reduce(into: [String]()) { if !$0.contains($1.file) { $0.append($1.file) } }
        return files.flatMap { file in
            diagnostics.enumerated().filter { $0.element.file == file }
                .sorted { ($0.element.line ?? 0, $0.offset) < ($1.element.line ?? 0, $1.offset) }.map(\.element)
        }
    }
}

/// A place in a file: a key with the keys around it, and its line.
struct Location {
    let file: SourceFile
    var line: Int?
    var key: String?
}

/// A file as it is opened and as it is shown.
struct SourceFile: Hashable {
    let path: String
    /// Relative to the working directory if it lies below.
    let display: String

    init(_ path: String, workingDirectory: String) {
        self.path = path
        let prefix = workingDirectory.hasSuffix("/") ? workingDirectory : workingDirectory + "/"
        display = path.hasPrefix(prefix) && path != prefix ? String(path.dropFirst(prefix.count)) : path
    }

    /// Where relative paths in it start.
    var directory: String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "" }

    /// `path` made absolute, seen from this file.
    func resolve(_ path: String) -> String {
        absolutePath(path, from: directory)
    }
}

/// Joins without looking at the file system: what `..` means after a symbolic link is left to it.
func absolutePath(_ path: String, from directory: String) -> String {
    var path = path[...]
    while path.hasPrefix("./") { path = path.dropFirst(2).drop { $0 == "/" } }
    if path.hasPrefix("/") { return String(path) }
    return directory.hasSuffix("/") ? directory + path : directory + "/" + path
}
