import Controller
import Kubernetes
import ViridianConfiguration

extension AppCluster {
    /// Why the app's pod template is not valid; `nil` if it is, or if there is none.
    package var templateProblem: String? {
        do {
            _ = try app.template?.object()
            return nil
        } catch {
            return error.message
        }
    }
}

extension AppConfiguration.Template {
    /// The template as the API takes it: `{metadata, spec}`.
    /// - Throws: `Refusal` with the file and the line.
    func object() throws(Refusal) -> JSON {
        let value: JSON
        do {
            value = try JSON(yaml: text)
        } catch {
            throw Refusal("\(path):\(error.line): \(error.problem)")
        }
        guard !value.isNull else { throw Refusal("\(path) is empty") }
        // A Pod, a PodTemplate, or just {metadata, spec}.
        let template = value["template"] ?? value
        guard template["spec"]?["containers"]?.array?.isEmpty == false else {
            throw Refusal("\(path) is not a pod template: it has no spec.containers")
        }
        return ["metadata": template["metadata"] ?? [:], "spec": template["spec"] ?? [:]]
    }
}
