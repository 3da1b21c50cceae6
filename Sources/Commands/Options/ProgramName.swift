/// The name under which the program was started. Packages have links to it with the names that kubectl looks for: `kubectl viridian …`
/// runs `kubectl-viridian …`, and `kubectl_complete-viridian …` completes it;
/// https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/
enum ProgramName: String {
    case viridian
    case kubectlPlugin = "kubectl-viridian"
    case kubectlCompletion = "kubectl_complete-viridian"

    /// This process's.
    static let current = ProgramName(path: CommandLine.arguments.first ?? "")

    /// - Parameter path: the first word of the command line; any other name than kubectl's is `viridian`.
    init(path: String) {
        self = path.split(separator: "/").last.flatMap { ProgramName(rawValue: String($0)) } ?? .viridian
    }

    /// What people type.
    var typed: String {
        switch self {
        case .viridian: "viridian"
        case .kubectlPlugin, .kubectlCompletion: "kubectl viridian"
        }
    }
}
