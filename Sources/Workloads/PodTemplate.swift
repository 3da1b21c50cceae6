import Controller
import Kubernetes
import ViridianConfiguration

extension AppCluster {
    /// Why no candidate can be made from the app's template; nil where there is none, or nothing wrong with it.
    package var templateTrouble: String? {
        do {
            _ = try app.template?.object()
            return nil
        } catch {
            return error.message
        }
    }
}

extension AppConfiguration.Template {
    /// The template as kubectl would send it: `{metadata, spec}`.
    /// - Throws: `Refusal` that names the file and the line.
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
            throw Refusal("\(path) is no pod template: it has no spec.containers")
        }
        return ["metadata": template["metadata"] ?? [:], "spec": template["spec"] ?? [:]]
    }
}
