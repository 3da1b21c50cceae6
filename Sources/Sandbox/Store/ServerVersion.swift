/// The Kubernetes version that the API and the node report.
enum ServerVersion {
    static let text = "v1.28.15"
}
