import Foundation

/// The state shared by all files of one configuration while they are read: the environment, the errors, and the values that must be
/// unique.
///
/// It exists during one function call and is used by one task.
final class ReadingContext {
    let environment: [String: String]
    let workingDirectory: String
    /// Whether a secret may name a variable that is not set: for those who read the configuration and use no secret.
    let toleratesUnsetSecrets: Bool
    /// The files that were read, by their paths.
    var texts: [String: String] = [:]
    /// The variables that values name.
    var variables: Set<String> = []
    /// Where secrets are written as they are.
    private(set) var writtenSecrets: [String] = []
    private(set) var diagnostics: [Diagnostic] = []
    private var claims: [Claim: (location: Location, owner: String)] = [:]

    init(environment: [String: String], workingDirectory: String, toleratesUnsetSecrets: Bool = false) {
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.toleratesUnsetSecrets = toleratesUnsetSecrets
    }

    func noteWrittenSecret(at location: Location) {
        let line = location.line.map { ":\($0)" } ?? ""
        writtenSecrets.append("\(location.file.display)\(line): \(location.key ?? "")")
    }

    func report(_ message: String, at location: Location) {
        diagnostics.append(
            Diagnostic(file: location.file.display, line: location.line, key: location.key, message: message))
    }

    /// A value that must be unique among the apps, or among those of a cluster.
    enum Claim: Hashable {
        case app(String)
        case port(Int, cluster: String?)
        case upstream(String, cluster: String?)
        case namespace(String, cluster: String?)
        case host(String, cluster: String?)
    }

    /// Reports an error if another app has the same value; `owner` is the app's name, if known.
    func claim(_ claim: Claim, owner: String?, at location: Location) {
        guard let other = claims[claim] else {
            claims[claim] = (location, owner ?? location.file.display)
            return
        }
        let place = other.location.line.map { "\(other.location.file.display):\($0)" } ?? other.location.file.display
        switch claim {
        case .app(let name):
            report("expected a unique name, but the app in \(place) is named \(name) too", at: location)
        case .port(let port, _):
            let key = other.location.key ?? ""
            report("expected a unique port, but \(port) is \(key) of \(other.owner) (\(place))", at: location)
        case .upstream(let name, _):
            report("expected a unique name, but \(name) is the upstream of \(other.owner) (\(place))", at: location)
        case .namespace(let name, _):
            // For two apps of one name, the name is reported already.
            guard other.owner != owner else { return }
            // There is one lease, with the record of what is live, in a namespace.
            report(
                "expected a unique namespace, but \(name) is the namespace of \(other.owner) (\(place))", at: location)
        case .host(let name, _):
            // What an app has twice, or two apps of one name have, is reported already.
            guard other.owner != owner ?? location.file.display else { return }
            let key = other.location.key ?? ""
            report("expected a unique host, but \(name) is \(key) of \(other.owner) (\(place))", at: location)
        }
    }

    /// The diagnostics, grouped by file and sorted by line.
    var sortedDiagnostics: [Diagnostic] {
        var places: [String: Int] = [:]
        for diagnostic in diagnostics where places[diagnostic.file] == nil { places[diagnostic.file] = places.count }
        func order(_ offset: Int, _ diagnostic: Diagnostic) -> (Int, Int, Int) {
            (places[diagnostic.file] ?? 0, diagnostic.line ?? 0, offset)
        }
        return diagnostics.enumerated().sorted { order($0.offset, $0.element) < order($1.offset, $1.element) }
            .map(\.element)
    }
}

/// A place in a file: a full key and its line.
struct Location {
    let file: SourceFile
    var line: Int?
    var key: String?
}

/// A file's path and its form for messages.
struct SourceFile: Hashable {
    let path: String
    /// Relative to the working directory if the file is below it.
    let display: String

    init(_ path: String, workingDirectory: String) {
        self.path = path
        let prefix = workingDirectory.hasSuffix("/") ? workingDirectory : workingDirectory + "/"
        display = path.hasPrefix(prefix) && path != prefix ? String(path.dropFirst(prefix.count)) : path
    }

    /// The base of relative paths in the file.
    var directory: String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "" }

    /// `path` as an absolute path, resolved against this file's directory.
    func resolve(_ path: String) -> String {
        absolutePath(path, from: directory)
    }
}

/// Joins the paths without removing `..`, whose meaning after a symbolic link only the file system knows.
func absolutePath(_ path: String, from directory: String) -> String {
    var path = path[...]
    while path.hasPrefix("./") { path = path.dropFirst(2).drop { $0 == "/" } }
    if path.hasPrefix("/") { return String(path) }
    return directory.hasSuffix("/") ? directory + path : directory + "/" + path
}
