import Fleet
import Nginx
import ReleaseMachine
import ViridianConfiguration
import Workloads

extension Adoption {
    /// What was found and Viridian does not understand, or does not follow.
    var unknowns: [AdoptionRemark] { (upstreamUnknowns + hostUnknowns + clusterUnknowns + readingUnknowns).unique }

    /// Directives of an upstream that are of no concern to a switch.
    private static let harmless: Set = [
        "keepalive", "keepalive_requests", "keepalive_time", "keepalive_timeout", "zone",
    ]

    // MARK: - nginx

    private var upstreamUnknowns: [AdoptionRemark] {
        nodes.compactMap(\.upstream).flatMap { upstream -> [AdoptionRemark] in
            var remarks: [AdoptionRemark] = []
            for entry in upstream.others where !Self.harmless.contains(entry.name) {
                remarks.append(
                    AdoptionRemark(
                        "`\(entry.text)` in upstream \(upstream.name) (\(entry.place)): it stays as it is, and chooses between servers, of "
                            + "which one at a time is up",
                        fix: "remove it if it has no other purpose"))
            }
            for server in upstream.servers
            where server.loopbackPort.map([services.ports.blue, services.ports.green].contains) != true {
                remarks.append(
                    AdoptionRemark(
                        "server \(server.address) in upstream \(upstream.name) (\(upstream.file), line \(server.line)) is no colour: a switch "
                            + "does not change it" + (server.isDown ? "" : ", and it goes on getting requests"),
                        fix: server.isDown
                            ? "remove it if it is not used" : "remove it, or pass requests for it to another upstream"))
            }
            return remarks
        } + nodes.flatMap(siblings)
    }

    /// Upstreams of the same file with the same ports: a switch changes them too.
    private func siblings(of node: AdoptedNode) -> [AdoptionRemark] {
        guard let upstream = node.upstream else { return [] }
        return node.inspection.configuration.upstreams.filter {
            $0.name != upstream.name && node.switched.contains($0.name) && !$0.isPreview
        }.map { other in
            let isSame = other.routing(services.ports) == upstream.routing(services.ports)
            return AdoptionRemark(
                "upstream \(other.name) (\(other.file), line \(other.line)) has the same two ports: a switch changes it like \(upstream.name)"
                    + (isSame ? "" : ", although it now routes to another colour"),
                fix: isSame
                    ? nil
                    : "if it is for trying the colour that is not live, call it \(UpstreamFile.previewName(of: upstream.name)); otherwise give it "
                        + "a file of its own")
        }
    }

    private var hostUnknowns: [AdoptionRemark] {
        var remarks: [AdoptionRemark] = []
        for node in nodes {
            for mention in node.mentions {
                remarks.append(
                    AdoptionRemark(
                        "`\(mention.text)` (\(mention.place)) sends requests to a colour's port itself: it does not follow a switch, and gets "
                            + "502 once that colour is deleted. The file is in `allowDirect`, so that it does not stop releases",
                        fix: "pass to upstream \(services.upstream) there, unless that is meant"))
            }
            for entry in node.otherUses {
                remarks.append(
                    AdoptionRemark(
                        "`\(entry.text)` (\(entry.place)) names upstream \(services.upstream) in a way that is not followed: host names of requests "
                            + "that come by it are not in `hosts`",
                        fix: "add them to `hosts`"))
            }
            for host in node.hosts(services.upstream) {
                let odd = host.names.filter { $0 != "_" && !$0.isEmpty && !Adoption.isHost($0.lowercased()) }
                if !odd.isEmpty {
                    remarks.append(
                        AdoptionRemark(
                            "server_name \(odd.joined(separator: " ")) (\(host.file), line \(host.line)) is no host name that `hosts` takes; it "
                                + "is left out",
                            fix: app.hosts.isEmpty
                                ? "add a host name of the app to `hosts`: requests that prove a switch need one" : nil))
                }
            }
        }
        let targets = nodes.flatMap { $0.hosts(services.upstream) }.flatMap { $0.targets(services.upstream) }
        if nodes.contains(where: { $0.upstream != nil }), targets.isEmpty {
            remarks.append(
                AdoptionRemark(
                    "no virtual host passes requests to upstream \(services.upstream), so `protocol` and `hosts` are not known",
                    fix: "set them, and add the virtual host (viridian render nginx \(app.name))"))
        }
        if app.protocol == .fastcgi, let http = targets.first(where: { $0.pass == .http }) {
            remarks.append(
                AdoptionRemark(
                    "nginx passes requests to \(services.upstream) by FastCGI and by HTTP (\(http.place)); one port speaks one of them",
                    fix: "set `protocol` to the one that the containers speak"))
        }
        if let tls = targets.first(where: \.isTLS) {
            remarks.append(
                AdoptionRemark(
                    "nginx speaks TLS with the pods (\(tls.place)); the nodes ask a candidate as its readiness probe does",
                    fix: "give the pods an httpGet readinessProbe with scheme HTTPS"))
        }
        return remarks
    }

    // MARK: - Cluster

    private var clusterUnknowns: [AdoptionRemark] {
        var remarks: [AdoptionRemark] = []
        let own = Set(Color.allCases.map(facts.name))
        for color in Color.allCases {
            let workload = facts.workload(color)
            let name = facts.name(color)
            let twins = facts.running.workloads.filter {
                $0.name == name && AppConfiguration.Workload(rawValue: $0.kind) != nil
            }
            if twins.count > 1 {
                remarks.append(
                    AdoptionRemark(
                        "\(twins.map(\.title).joined(separator: " and ")) both run \(color)",
                        fix: "delete the one that is not used"))
            }
            let service = services.services[color]
            for other in facts.running.workloads
            where other.title != workload?.title && !twins.contains(other) && service?.selects(other.labels) == true {
                remarks.append(
                    AdoptionRemark(
                        "\(other.title) has pods that service \(name) sends requests to; releases do not know it, and stop while its pods would "
                            + "get requests for their candidate",
                        fix: "give its pods other labels, or delete it"))
            }
            guard let workload else { continue }
            for other in facts.running.services
            where other.namespace == facts.namespace && !own.contains(other.name) && other.selects(workload.labels) {
                let isOfBoth = !other.selector.values.contains { $0 == name || $0 == color.rawValue }
                remarks.append(
                    AdoptionRemark(
                        isOfBoth
                            ? "service \(other.name) (\(other.type)) sends requests to the pods of both colours while both run"
                            : "service \(other.name) (\(other.type)) sends requests to the pods of \(color): it does not follow a switch",
                        fix: "let its callers use nginx, if that is not meant"))
            }
            if workload.containers.contains(where: { $0.repository == app.image.name && $0.version == nil }) {
                remarks.append(
                    AdoptionRemark(
                        "the image of \(workload.title) has no tag, so what is its version is not known",
                        fix: "release it once more by a tag"))
            }
        }
        for ingress in facts.running.ingresses where own.contains(ingress.target) {
            remarks.append(
                AdoptionRemark(
                    "Ingress \(ingress.name) sends requests to service \(ingress.target): it does not follow a switch",
                    fix: "let it send them to nginx on the nodes, or remove it"))
        }
        return remarks + portUnknowns
    }

    private var portUnknowns: [AdoptionRemark] {
        services.services.values.sorted { $0.name < $1.name }.flatMap { service in
            service.nodePorts.filter { ![services.ports.blue, services.ports.green].contains($0) }.map {
                AdoptionRemark(
                    "service \(service.name) has another NodePort, \($0): nothing switches it",
                    fix: "let what uses it go through nginx, if it has to follow a switch")
            }
        }
    }

    // MARK: - What was not read

    private var readingUnknowns: [AdoptionRemark] {
        var remarks = facts.running.unread.map {
            AdoptionRemark("the account may not list \($0), so they were not looked at")
        }
        for node in facts.nodes {
            for problem in node.configuration.unread {
                remarks.append(
                    AdoptionRemark(
                        "a file on node \(node.node) was not understood: \(problem)", fix: "look for the app in it"))
            }
            if node.linesLeftOut > 0 {
                remarks.append(
                    AdoptionRemark(
                        "nginx's configuration on node \(node.node) is very long: its last \(node.linesLeftOut) lines were not read",
                        fix: "look for the app in them"))
            }
        }
        let programs = facts.nodes.map(\.deployProgram)
        if let program = programs.compactMap(\.self).first, programs.contains(nil) {
            let missing = facts.nodes.filter { $0.deployProgram == nil }.map(\.node.address)
            remarks.append(
                AdoptionRemark(
                    "\(program) is not on \(missing.joined(separator: ", ")), where a release would fail",
                    fix: "install it there, or remove postDeploy"))
        }
        return remarks
    }
}
