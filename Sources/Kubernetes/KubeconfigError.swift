/// Why the access to a cluster cannot be read from the configuration. Each message names the file and the fix.
package enum KubeconfigError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file does not exist. `setting` names it: the configuration, `$KUBECONFIG`.
    case missing(path: String, setting: String)
    case unreadable(path: String, reason: String)
    case invalidYAML(path: String, line: Int, problem: String)
    case invalidValue(path: String, line: Int, problem: String)
    case noCurrentContext(path: String, available: [String])
    case noSuchContext(String, path: String, available: [String])
    case noSuchCluster(String, context: String, path: String)
    case noSuchUser(String, context: String, path: String)
    /// A certificate, key or token file of a cluster or user cannot be used.
    case unusableCredential(path: String, entry: String, problem: String)
    case unsupported(path: String, entry: String, feature: String)
    case invalidAccount(problem: String)
    /// The environment names a proxy that cannot be used.
    case unusableProxy(problem: String)
    /// None of the sources exists. `setting` names the first of them.
    case nothingConfigured(setting: String, defaultPath: String)

    package var description: String {
        switch self {
        case .missing(let path, let setting):
            "\(path): there is no such kubeconfig; correct \(setting) or create the file"
        case .unreadable(let path, let reason):
            "\(path): the kubeconfig cannot be read: \(reason)"
        case .invalidYAML(let path, let line, let problem):
            "\(path):\(line): the kubeconfig is not valid YAML: \(problem)"
        case .invalidValue(let path, let line, let problem):
            "\(path):\(line): \(problem)"
        case .noCurrentContext(let path, let available):
            "\(path): no current-context is set; specify one of its contexts (\(Self.list(available)))"
        case .noSuchContext(let name, let path, let available):
            "\(path): there is no context \"\(name)\"; available: \(Self.list(available))"
        case .noSuchCluster(let name, let context, let path):
            "\(path): the context \"\(context)\" names the cluster \"\(name)\", which does not exist; add it or correct the context"
        case .noSuchUser(let name, let context, let path):
            "\(path): the context \"\(context)\" names the user \"\(name)\", which does not exist; add it or correct the context"
        case .unusableCredential(let path, let entry, let problem):
            "\(path): \(entry): \(problem)"
        case .unsupported(let path, let entry, let feature):
            "\(path): \(entry): \(feature)"
        case .invalidAccount(let problem):
            "the in-cluster account cannot be used: \(problem)"
        case .unusableProxy(let problem):
            "the Kubernetes API cannot be reached through the proxy: \(problem)"
        case .nothingConfigured(let setting, let defaultPath):
            "no Kubernetes cluster is configured: set \(setting) or $KUBECONFIG, or create \(defaultPath)"
        }
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "none" : names.sorted().joined(separator: ", ")
    }
}
