import Foundation
import Yams

/// A mapping in a kubeconfig, read key by key. Errors name the line.
///
/// Unknown keys are ignored, as kubeconfigs may have extensions.
struct KubeconfigEntry {
    var path: String
    /// `user "deploy"`, for messages.
    var title: String
    var node: Node

    /// The folder of the file, to which its paths are relative.
    var folder: String { (path as NSString).deletingLastPathComponent }

    var line: Int { node.mark?.line ?? 1 }

    /// The file as one entry; nil when it is empty.
    static func read(_ path: String, setting: String) throws(KubeconfigError) -> KubeconfigEntry? {
        guard FileManager.default.fileExists(atPath: path) else { throw .missing(path: path, setting: setting) }
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw .unreadable(path: path, reason: Self.reason(error))
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw .unreadable(path: path, reason: "it is not UTF-8 text")
        }
        let node: Node?
        do {
            node = try YAMLDocument.compose(text)
        } catch {
            throw .invalidYAML(path: path, line: error.line, problem: error.problem)
        }
        guard let node, node.null == nil else { return nil }
        guard node.mapping != nil else {
            throw .invalidValue(path: path, line: 1, problem: "a kubeconfig must be a mapping")
        }
        return KubeconfigEntry(path: path, title: "", node: node)
    }

    // MARK: - Values

    var keys: [String] { (node.mapping?.keys).map { $0.compactMap(\.scalar?.string) } ?? [] }

    /// Nil for an absent, null or empty value. Numbers and booleans keep their original text.
    func string(_ key: String) throws(KubeconfigError) -> String? {
        guard let value = node.mapping?[key], value.null == nil else { return nil }
        guard let text = value.scalar?.string else { throw invalid(key, value, "a string") }
        return text.isEmpty ? nil : text
    }

    func bool(_ key: String) throws(KubeconfigError) -> Bool {
        guard let value = node.mapping?[key], value.null == nil else { return false }
        guard let flag = value.bool else { throw invalid(key, value, "true or false") }
        return flag
    }

    /// Any value, as JSON.
    func json(_ key: String) throws(KubeconfigError) -> JSON? {
        guard let value = node.mapping?[key] else { return nil }
        do {
            return try JSON(value)
        } catch {
            throw .invalidYAML(path: path, line: error.line, problem: error.problem)
        }
    }

    func entry(_ key: String, title: String? = nil) throws(KubeconfigError) -> KubeconfigEntry? {
        guard let value = node.mapping?[key], value.null == nil else { return nil }
        guard value.mapping != nil else { throw invalid(key, value, "a mapping") }
        return KubeconfigEntry(path: path, title: title ?? self.title, node: value)
    }

    func strings(_ key: String) throws(KubeconfigError) -> [String] {
        guard let value = node.mapping?[key], value.null == nil else { return [] }
        guard let items = value.sequence else { throw invalid(key, value, "a list of strings") }
        var result: [String] = []
        for item in items {
            guard let text = item.scalar?.string else { throw invalid(key, item, "a list of strings") }
            result.append(text)
        }
        return result
    }

    func entries(_ key: String) throws(KubeconfigError) -> [KubeconfigEntry] {
        guard let value = node.mapping?[key], value.null == nil else { return [] }
        guard let items = value.sequence else { throw invalid(key, value, "a list") }
        var result: [KubeconfigEntry] = []
        for item in items {
            guard item.mapping != nil else { throw invalid(key, item, "a list of mappings") }
            result.append(KubeconfigEntry(path: path, title: title, node: item))
        }
        return result
    }

    /// `clusters`, `users` and `contexts`: a list of `{name, <key>: {…}}`, by name. The first entry with a name wins.
    func named(_ list: String, _ key: String) throws(KubeconfigError) -> [String: KubeconfigEntry] {
        var result: [String: KubeconfigEntry] = [:]
        for item in try entries(list) {
            guard let name = try item.string("name") else {
                throw .invalidValue(path: path, line: item.line, problem: "an entry of \(list) has no name")
            }
            let title = "\(key) \"\(name)\""
            let empty = KubeconfigEntry(path: path, title: title, node: Node([(Node, Node)]()))
            if result[name] == nil { result[name] = try item.entry(key, title: title) ?? empty }
        }
        return result
    }

    // MARK: - Files and inline data

    /// A path in this file, relative to its folder.
    func resolve(_ path: String) -> String {
        path.hasPrefix("/") ? path : (folder as NSString).appendingPathComponent(path)
    }

    /// `KEY-data` (base64), or else the content of the file that `KEY` names.
    func material(_ key: String) throws(KubeconfigError) -> Data? {
        if let encoded = try string(key + "-data") {
            guard let data = Data(base64Encoded: encoded, options: .ignoreUnknownCharacters), !data.isEmpty else {
                throw .unusableCredential(path: path, entry: title, problem: "\(key)-data is not base64 text")
            }
            return data
        }
        guard let file = try string(key).map(resolve) else { return nil }
        do {
            return try Data(contentsOf: URL(fileURLWithPath: file))
        } catch {
            throw .unusableCredential(
                path: path, entry: title, problem: "\(key) \(file) cannot be read: \(Self.reason(error))")
        }
    }

    private func invalid(_ key: String, _ value: Node, _ expected: String) -> KubeconfigError {
        let location = title.isEmpty ? key : "\(title): \(key)"
        return .invalidValue(path: path, line: value.mark?.line ?? line, problem: "\(location) must be \(expected)")
    }

    static func reason(_ error: any Error) -> String {
        let error = error as NSError
        let underlying = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
        if underlying.domain == NSPOSIXErrorDomain {
            return String(cString: strerror(CInt(underlying.code))).lowercased()
        }
        switch CocoaError.Code(rawValue: error.code) {
        case .fileReadNoSuchFile, .fileNoSuchFile: return "no such file or directory"
        case .fileReadNoPermission: return "permission denied"
        default: return error.localizedDescription
        }
    }
}
