import Foundation
import Kubernetes

/// Reads an image's configuration: a whole OCI image configuration, or the object `config` in it, which is also what
/// `docker image inspect -f '{{json .Config}}'` prints.
struct ImageConfiguration {
    let image: ContainerImage

    /// - Throws: `ImageConfigurationError` when the text is no configuration.
    init(_ text: String, files: ImageFiles) throws(ImageConfigurationError) {
        guard let whole = try? JSON(parsing: text), whole.object != nil else {
            throw ImageConfigurationError(problem: "is not a JSON object")
        }
        let config = whole["config"] ?? whole["Config"] ?? whole
        image = ContainerImage(
            command: try Self.words(config, "Entrypoint"),
            arguments: try Self.words(config, "Cmd"),
            environment: try Self.environment(config),
            workingDirectory: try Self.directory(config),
            user: try Self.text(config, "User"),
            stopSignal: try Self.signal(config),
            files: files)
    }

    /// - Returns: `nil` when it is missing, null or empty.
    private static func text(_ config: JSON, _ key: String) throws(ImageConfigurationError) -> String? {
        guard let value = config[key], value != .null else { return nil }
        guard let text = value.string else { throw ImageConfigurationError(problem: "has a \(key) that is not a text") }
        return text.isEmpty ? nil : text
    }

    private static func words(_ config: JSON, _ key: String) throws(ImageConfigurationError) -> [String] {
        guard let value = config[key], value != .null else { return [] }
        let words = (value.array ?? []).compactMap(\.string)
        guard let array = value.array, words.count == array.count else {
            throw ImageConfigurationError(problem: "has a \(key) that is not a list of texts")
        }
        return words
    }

    private static func environment(_ config: JSON) throws(ImageConfigurationError) -> [String: String] {
        var environment: [String: String] = [:]
        for variable in try words(config, "Env") {
            guard let equals = variable.firstIndex(of: "="), equals > variable.startIndex else {
                throw ImageConfigurationError(problem: "has \"\(variable)\" in Env, which is not NAME=value")
            }
            environment[String(variable[..<equals])] = String(variable[variable.index(after: equals)...])
        }
        return environment
    }

    private static func directory(_ config: JSON) throws(ImageConfigurationError) -> String? {
        guard let path = try text(config, "WorkingDir") else { return nil }
        guard path.hasPrefix("/") else {
            throw ImageConfigurationError(problem: "has the WorkingDir \"\(path)\", which does not begin with /")
        }
        return path
    }

    private static func signal(_ config: JSON) throws(ImageConfigurationError) -> Int32? {
        guard let name = try text(config, "StopSignal") else { return nil }
        guard let signal = SignalName.number(of: name) else {
            throw ImageConfigurationError(problem: "has the StopSignal \"\(name)\", which is not a signal")
        }
        return signal
    }
}

/// Why an image's configuration cannot be read.
struct ImageConfigurationError: Error {
    /// What follows the file's name in a sentence.
    var problem: String
}

/// The names of signals in `STOPSIGNAL`: `SIGQUIT`, `QUIT`, `3`, `SIGRTMIN+3` (signal(7)).
enum SignalName {
    private static let numbers: [String: Int32] = [
        "HUP": 1, "INT": 2, "QUIT": 3, "ABRT": 6, "KILL": 9, "USR1": 10, "USR2": 12, "ALRM": 14, "TERM": 15, "CONT": 18,
        "WINCH": 28, "PWR": 30, "RTMIN": 34, "RTMAX": 64,
    ]

    /// - Returns: `nil` for anything else.
    static func number(of text: String) -> Int32? {
        if let number = Int32(text) { return (1...64).contains(number) ? number : nil }
        let name = text.uppercased()
        let parts = (name.hasPrefix("SIG") ? name.dropFirst(3) : name[...])
            .split(separator: "+", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2, let base = numbers[String(first)] else { return nil }
        guard parts.count == 2 else { return base }
        guard first == "RTMIN", let more = Int32(parts[1]), (0...30).contains(more) else { return nil }
        return base + more
    }
}
