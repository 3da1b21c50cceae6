import Crypto
import Foundation

/// The fields of the deploy form.
struct DeployForm: Sendable {
    var version = ""
    var replicas = ""
    var verify = false
    var reason = ""
    /// In spite of locks and freezes.
    var overridesHolds = false
    /// The form's idempotency key: a form that is sent twice starts one release.
    var key = UUID().uuidString

    init(verify: Bool) {
        self.verify = verify
    }

    init(_ fields: [String: String]) {
        let text = { (name: String) in (fields[name] ?? "").trimmingCharacters(in: .whitespacesAndNewlines) }
        version = text("version")
        replicas = text("replicas")
        verify = text("verify") == "yes"
        reason = text("reason")
        overridesHolds = text("override") == "yes"
        if (1...64).contains(text("key").utf8.count) { key = text("key") }
    }

    func replicaCount() throws(APIError) -> Int? {
        guard !replicas.isEmpty else { return nil }
        guard let count = Int(replicas) else { throw .invalid("replicas", "pods has to be a whole number") }
        return count
    }

    func hash(_ app: String) -> [UInt8] {
        Array(
            SHA256.hash(
                data: Data(
                    [app, version, replicas, "\(verify)", reason, "\(overridesHolds)"].joined(separator: "\n").utf8)))
    }
}
