import Kubernetes

extension JSON {
    /// A condition of a pod or a workload.
    func condition(_ type: String) -> JSON? {
        self[at: "status.conditions"]?.array?.first { $0["type"]?.string == type }
    }

    func hasTrue(_ type: String) -> Bool { condition(type)?["status"]?.string == "True" }

    func message(ofFalse type: String) -> String? {
        guard let condition = condition(type), condition["status"]?.string == "False" else { return nil }
        return condition["message"]?.string ?? condition["reason"]?.string
    }

    func message(ofTrue type: String) -> String? {
        guard let condition = condition(type), condition["status"]?.string == "True" else { return nil }
        return condition["message"]?.string ?? condition["reason"]?.string
    }
}
