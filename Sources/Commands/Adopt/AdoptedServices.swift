import Controller
import Fleet
import Nginx
import ReleaseMachine
import ViridianConfiguration
import Workloads

/// The two services of an app that runs already, and the upstream on the nodes that names their NodePorts.
struct AdoptedServices: Sendable {
    /// Those that exist; Viridian creates one that is missing.
    var services: [Color: RunningApp.Service] = [:]
    var ports: PortPair
    /// The upstream's name.
    var upstream: String

    /// - Throws: `Refusal` with what was found instead.
    init(_ facts: AdoptionFacts) throws(Refusal) {
        for color in Color.allCases {
            services[color] = facts.running.services.first {
                $0.namespace == facts.namespace && $0.name == facts.name(color)
            }
        }
        let search = UpstreamSearch(facts)
        guard !services.isEmpty else { throw search.noServices }
        if let other = services.values.first(where: { $0.nodePorts.isEmpty }) {
            throw Refusal(
                "service \(other.namespace)/\(other.name) has no NodePort: it is of type \(other.type)",
                details: [
                    "nginx on the nodes reaches a colour by the NodePort of its service on 127.0.0.1",
                    "to do: give both services type NodePort",
                ])
        }
        guard let found = search.pair(services) else { throw search.noUpstream(services) }
        ports = found
        upstream = try search.upstream(found)
        for port in [ports.blue, ports.green] where !(30000...32767).contains(port) {
            throw Refusal(
                "NodePort \(port) is outside of 30000 to 32767, the range in which Viridian's configuration accepts ports"
            )
        }
        if let blue = services[.blue], let green = services[.green], blue.selector == green.selector {
            throw Refusal(
                "services \(blue.name) and \(green.name) select the same pods (\(blue.selector.labelText)), so neither is a "
                    + "colour of its own",
                details: ["to do: let each select the pods of its colour: name=\(blue.name), name=\(green.name)"])
        }
    }

    /// The port of the app's container: where the service of this colour sends requests, or else the other's.
    func containerPort(_ color: Color, _ workload: RunningApp.Workload?) -> Int? {
        for color in [color, color.other] {
            guard let service = services[color],
                let port = service.ports.first(where: { $0.nodePort == self.port(color) }) ?? service.ports.first
            else { continue }
            if let target = port.target { return target }
            let named = (workload?.containers ?? []).flatMap(\.ports).first { $0.name == port.targetName }
            if let named { return named.number }
        }
        return nil
    }

    func port(_ color: Color) -> Int { color == .blue ? ports.blue : ports.green }

    func color(of port: Int) -> Color { port == ports.blue ? .blue : .green }
}

/// Finds the upstream of an app in the configurations of all nodes.
private struct UpstreamSearch {
    let facts: AdoptionFacts
    /// Of all nodes, without those for the colour that is not live.
    let upstreams: [(node: String, upstream: LoadedUpstream)]

    init(_ facts: AdoptionFacts) {
        self.facts = facts
        upstreams = facts.nodes.flatMap { node in
            node.configuration.upstreams.filter { !$0.isPreview }.map { (node.node.address, $0) }
        }
    }

    /// The NodePorts of both services that an upstream has.
    ///
    /// Where only one service exists, the other port of an upstream that has two is the other colour's.
    func pair(_ services: [Color: RunningApp.Service]) -> PortPair? {
        for blue in services[.blue]?.nodePorts ?? [] {
            for green in services[.green]?.nodePorts ?? [] {
                let pair = PortPair(blue: blue, green: green)
                if upstreams.contains(where: { $0.upstream.has(pair) }) { return pair }
            }
        }
        guard services.count == 1, let (color, service) = services.first else { return nil }
        for port in service.nodePorts {
            for (_, upstream) in upstreams where upstream.loopbackPorts.count == 2 {
                guard let other = upstream.loopbackPorts.first(where: { $0 != port }),
                    upstream.loopbackPorts.contains(port)
                else { continue }
                return color == .blue ? PortPair(blue: port, green: other) : PortPair(blue: other, green: port)
            }
        }
        return nil
    }

    /// The name of the upstream with both ports: the one that the caller said, or `blogLB`, or the only one, or the only one to which
    /// a virtual host passes requests.
    func upstream(_ ports: PortPair) throws(Refusal) -> String {
        let names = Set(upstreams.filter { $0.upstream.has(ports) }.map(\.upstream.name)).sorted()
        if let given = facts.upstream {
            guard names.contains(given) else {
                throw Refusal(
                    "no node has an upstream \(given) with 127.0.0.1:\(ports.blue) and 127.0.0.1:\(ports.green)",
                    details: ["upstreams with both: \(names.joined(separator: ", "))"])
            }
            return given
        }
        if names.contains("\(facts.app)LB") { return "\(facts.app)LB" }
        if names.count == 1 { return names[0] }
        let used = names.filter { name in
            facts.nodes.contains { $0.configuration.hosts.contains { !$0.targets(name).isEmpty } }
        }
        guard used.count == 1 else {
            throw Refusal(
                "several upstreams have 127.0.0.1:\(ports.blue) and 127.0.0.1:\(ports.green): "
                    + names.joined(separator: ", "),
                details: ["to do: say which one is the app's: viridian adopt \(facts.app) --upstream NAME"])
        }
        return used[0]
    }

    // MARK: - Refusals

    /// No service is called like a colour of the app.
    var noServices: Refusal {
        var details: [String] = []
        let ports = Set(upstreams.filter { isNamedLikeTheApp($0.upstream) }.flatMap(\.upstream.loopbackPorts))
        for service in facts.running.services where !ports.isDisjoint(with: service.nodePorts) {
            details.append(
                "service \(service.namespace)/\(service.name) has NodePort "
                    + service.nodePorts.filter(ports.contains).map(String.init).joined(separator: ", ")
                    + ", which is in an upstream of the nodes")
        }
        let elsewhere = facts.running.services.filter { service in
            service.namespace != facts.namespace && Color.allCases.contains { facts.name($0) == service.name }
        }
        for namespace in Set(elsewhere.map(\.namespace)).sorted() {
            details.append(
                "namespace \(namespace) has such services: viridian adopt \(facts.app) --namespace \(namespace)")
        }
        let names = Color.allCases.map(facts.name).joined(separator: " and ")
        if details.isEmpty {
            let here = facts.running.services.filter { $0.namespace == facts.namespace }.map(\.name).sorted()
            details.append(
                here.isEmpty
                    ? "namespace \(facts.namespace) has no services"
                    : "services of namespace \(facts.namespace): \(here.joined(separator: ", "))")
        }
        return Refusal(
            "namespace \(facts.namespace) has no services \(names), and these names are fixed",
            details: details + [
                "to do: name the app as its services and workloads are named, say --namespace, or name the services \(names)"
            ])
    }

    private func isNamedLikeTheApp(_ upstream: LoadedUpstream) -> Bool {
        upstream.name == facts.upstream ?? "\(facts.app)LB" || upstream.file.hasSuffix("/\(facts.app).conf")
    }

    /// No upstream has a NodePort of both colours.
    func noUpstream(_ services: [Color: RunningApp.Service]) -> Refusal {
        let ports = Color.allCases.map { color in
            "\(color) \(services[color]?.nodePorts.map(String.init).joined(separator: " or ") ?? "(no service)")"
        }
        var details: [String] = []
        let known = Set(services.values.flatMap(\.nodePorts))
        for (node, upstream) in upstreams where !known.isDisjoint(with: upstream.loopbackPorts) {
            let servers = upstream.servers.map(\.address).joined(separator: ", ")
            details.append(
                "\(node): upstream \(upstream.name) in \(upstream.file), line \(upstream.line), has only \(servers)")
        }
        for node in facts.nodes where node.isAccepted != true { details.append(node.whyUnread) }
        if facts.nodes.isEmpty { details += facts.failures.map { "\($0.node): \($0.reason)" } }
        if details.isEmpty { details.append("no upstream on the nodes names any of these ports") }
        return Refusal(
            "no node has an upstream with a NodePort of both colours on 127.0.0.1: \(ports.joined(separator: ", "))",
            details: details + [
                "to do: give the upstream a line for each colour, `down` on the one that is not live: "
                    + "viridian render nginx prints such files"
            ])
    }
}

extension Dictionary<String, String> {
    /// `app=blog,color=blue`
    var labelText: String { sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",") }
}
