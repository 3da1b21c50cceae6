import Fleet
import Nginx
import ReleaseMachine
import ViridianConfiguration
import Workloads

/// What was read of an app that runs already, and what the caller said of it.
struct AdoptionFacts: Sendable {
    var app: AppName
    /// The name of the cluster that it runs in; `nil` for the one without a name.
    var cluster: String? = nil
    var running: RunningApp
    var nodes: [NodeInspection]
    /// The nodes that could not be read.
    var failures: [NodeFailure] = []
    var settings: NodesConfiguration
    /// Names of the apps that are configured already.
    var otherApps: [String] = []
    /// The upstream's name, where the caller said it.
    var upstream: String? = nil
    /// The image's repository, where the caller said it.
    var image: String? = nil

    var namespace: String { running.namespace }

    /// `blog-blue`, the name of both the service and the workload.
    func name(_ color: Color) -> String { "\(app)-\(color)" }

    /// The workload of that colour that a release would find; `nil` if there is none of a kind that Viridian releases.
    func workload(_ color: Color) -> RunningApp.Workload? {
        let found = running.workloads.filter {
            $0.name == name(color) && AppConfiguration.Workload(rawValue: $0.kind) != nil
        }
        return found.max { $0.ready < $1.ready }
    }
}

/// Something to know about an app that was adopted.
struct AdoptionRemark: Sendable, Hashable, Encodable {
    var what: String
    /// What to do; `nil`: nothing.
    var fix: String?

    init(_ what: String, fix: String? = nil) {
        self.what = what
        self.fix = fix
    }

    var text: String { what + (fix.map { ". To do: \($0)" } ?? "") }
}
