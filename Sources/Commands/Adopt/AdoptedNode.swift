import Fleet
import Nginx
import ReleaseMachine
import ViridianConfiguration

/// One node of an app that runs already: which colour it routes to, and by which file.
struct AdoptedNode: Sendable {
    let inspection: NodeInspection
    let services: AdoptedServices
    /// The folder of upstream files that viridian.yaml says.
    let backends: String
    /// `nil` where the node has none of that name with both ports.
    let upstream: LoadedUpstream?

    init(_ inspection: NodeInspection, _ services: AdoptedServices, backends: String) {
        self.inspection = inspection
        self.services = services
        self.backends = backends
        upstream = inspection.configuration.upstreams.first { $0.name == services.upstream && $0.has(services.ports) }
    }

    var address: String { inspection.node.address }

    /// The colour that the node's file routes to; `nil`: not exactly one.
    var color: Color? { upstream?.routing(services.ports).port.map(services.color) }

    /// The upstream's file is `<backends>/<app>.conf`.
    func isInPlace(_ app: AppName) -> Bool {
        upstream.map { [inspection.path, "\(backends)/\(app).conf"].contains($0.file) } ?? false
    }

    /// Every other upstream of the file that a switch edits with the app's, and the app's.
    var switched: Set<String> {
        guard let upstream else { return [] }
        let others = inspection.configuration.upstreams.filter { other in
            other.file == upstream.file && other.has(services.ports)
                && other.servers.allSatisfy {
                    $0.loopbackPort.map([services.ports.blue, services.ports.green].contains) == true
                }
        }
        return Set(others.map(\.name) + [upstream.name])
    }

    /// Directives that send requests to a colour's port themselves, and so do not follow a switch.
    var mentions: [LoadedConfiguration.Entry] {
        inspection.configuration.mentions(of: services.ports, outside: switched)
    }

    /// The virtual hosts that pass requests to the upstream.
    func hosts(_ upstream: String) -> [LoadedHost] {
        inspection.configuration.hosts.filter { !$0.targets(upstream).isEmpty }
    }

    /// Directives other than passes that name the upstream, whose meaning is not known: values of a `map`.
    var otherUses: [LoadedConfiguration.Entry] {
        let known = Set(LoadedHost.Pass.allCases.map(\.rawValue) + ["upstream", "set", "server_name", "log_format"])
        return inspection.configuration.http.flatMap(\.all).filter { entry in
            !known.contains(entry.name) && entry.arguments.contains { $0 == services.upstream }
        }
    }

    /// In words, for the table: the colour, or why there is none.
    var routesTo: String {
        guard let upstream else { return "-" }
        return switch upstream.routing(services.ports) {
        case .only(let port): services.color(of: port).rawValue
        case .both: "both"
        case .neither: "neither"
        }
    }
}

extension NodeInspection {
    /// Why nginx's configuration could not be read on this node.
    var whyUnread: String {
        isAccepted == nil
            ? "\(node): nodes.test is not a form of nginx -t, so nginx's configuration was not read"
            : "\(node): nginx does not accept its configuration: \(messages.joined(separator: " | "))"
    }
}
