import Controller
import Fleet
import Nginx
import ReleaseMachine
import ViridianConfiguration
import Workloads

extension Adoption {
    // MARK: - What Viridian does differently

    /// What Viridian does differently from a tool like the article's, as far as it is so for this app.
    var differences: [AdoptionRemark] {
        let app = app
        let file = nodes.lazy.compactMap(\.upstream?.file).first ?? "the upstream file"
        let count = counted(image.workload?.replicas ?? app.replicas, "pod")
        var remarks = [
            AdoptionRemark(
                "a switch changes nothing but the word `down` of the two server lines in \(file): under a lock, tested by nginx and "
                    + "taken back if nginx refuses it, after every node has been prepared, and then proved by requests through nginx"
            ),
            AdoptionRemark(
                "before that, all of the candidate's \(count) have to be ready, and to answer on their NodePort from every node"
            ),
            AdoptionRemark(
                "the old colour is deleted when every node was read back on the new one and nothing uses the old one any more: "
                    + "after at least \(app.drain.least.text) and at most \(app.drain.most.text) (`drain`)"),
        ]
        if facts.running.workloads.allSatisfy({ $0.release == nil }) {
            remarks.append(
                AdoptionRemark(
                    "new workloads and pods get the labels app.kubernetes.io/managed-by and app.kubernetes.io/version; namespace "
                        + "\(app.namespace) gets a Lease `viridian`, and each node a folder .viridian beside the upstream file"
                ))
        }
        return remarks + upstreamDifferences + clusterDifferences + fileDifferences
    }

    private var upstreamDifferences: [AdoptionRemark] {
        var remarks: [AdoptionRemark] = []
        if services.ports.blue % 10 > services.ports.green % 10 {
            remarks.append(
                AdoptionRemark(
                    "blue is \(services.ports.blue) and green is \(services.ports.green), as the services say; the last digit of a "
                        + "port means nothing"))
        }
        let fragile = nodes.compactMap(\.upstream).first { upstream in
            upstream.servers.count > 1
                && upstream.servers.contains {
                    $0.loopbackPort.map([services.ports.blue, services.ports.green].contains) == true
                        && !$0.parameters.contains("max_fails=0")
                }
        }
        if let fragile {
            remarks.append(
                AdoptionRemark(
                    "upstream files of Viridian have max_fails=0, and \(fragile.file) has not: with one server `down`, one refused "
                        + "connection makes nginx answer 502 for 10 s",
                    fix: "add max_fails=0 to both server lines"))
        }
        if app.preview == nil {
            remarks.append(
                AdoptionRemark(
                    "a release can pause until somebody has tried the candidate; there is no preview host yet",
                    fix:
                        "set `preview` and add its virtual host and upstream (viridian render nginx \(app.name)), before `verify`"
                ))
        }
        return remarks
    }

    private var clusterDifferences: [AdoptionRemark] {
        var remarks: [AdoptionRemark] = []
        for color in Color.allCases where services.services[color] == nil {
            remarks.append(
                AdoptionRemark(
                    "service \(app.serviceName(color)) does not exist: the next release creates it with NodePort "
                        + "\(services.port(color))"))
        }
        for color in Color.allCases {
            guard let live, color != live, let left = facts.workload(color) else { continue }
            remarks.append(
                AdoptionRemark(
                    "\(left.title) is still there, \(left.ready) of \(left.replicas) pods ready: the next release deletes it before it "
                        + "creates its own"))
        }
        let names = Color.allCases.map(app.workloadName)
        for scaler in facts.running.autoscalers
        where names.contains(where: { scaler.target == "\(app.workload.rawValue) \($0)" }) {
            remarks.append(
                AdoptionRemark(
                    "HorizontalPodAutoscaler \(scaler.name) of \(scaler.target) is copied for the candidate, and deleted with the old colour"
                ))
        }
        return remarks
    }

    private var fileDifferences: [AdoptionRemark] {
        guard let program = app.postDeploy?.command else { return [] }
        var remarks = [
            AdoptionRemark(
                "\(program) runs on every node before any node is switched, so its files have to suit both versions for a while; it is told "
                    + "VIRIDIAN_VERSION, _COLOR and _RELEASE")
        ]
        if let source = facts.nodes.lazy.compactMap(\.deploySource).first, staticFiles != nil {
            remarks.append(
                AdoptionRemark(
                    "\(program) fetches \(source) whatever the version is: a rollback brings the old pods back, and not their static files",
                    fix: "let `artifact` bring them (the app's file has it as a comment)"))
        }
        return remarks
    }

    // MARK: - What is to be done first

    /// What keeps a release from starting.
    var obstacles: [AdoptionRemark] { nodeObstacles + placeObstacles + podObstacles }

    private var nodeObstacles: [AdoptionRemark] {
        var remarks: [AdoptionRemark] = []
        for failure in facts.failures {
            var fix = "make it reachable; `viridian check` names what is in the way"
            switch failure.reason {
            case .forbidden(let what) where what.hasSuffix("inspect=yes"):
                fix = "add the line inspect=yes to \(InstalledNode.configurationPath) there, adopt again, and remove it"
            case .forbidden, .invalidOutput:
                fix = "install there what viridian render viridian-node prints, and adopt again"
            default: break
            }
            remarks.append(AdoptionRemark("node \(failure.node) was not read: \(failure.reason)", fix: fix))
        }
        for node in nodes where node.inspection.isAccepted != true {
            remarks.append(
                AdoptionRemark(
                    "node " + node.inspection.whyUnread,
                    fix: node.inspection.isAccepted == nil
                        ? "set nodes.test to a form of nginx -t" : "correct the file that nginx names"))
        }
        for node in nodes where node.upstream == nil && node.inspection.isAccepted == true {
            remarks.append(
                AdoptionRemark(
                    "node \(node.address) has no upstream \(services.upstream) with both ports",
                    fix: "give it the same upstream and virtual host as the others"))
        }
        for node in nodes where !node.inspection.isRunning {
            remarks.append(
                AdoptionRemark(
                    "nginx is not running on node \(node.address)",
                    fix: "start it, or set nodes.pid if its pid file is not in the usual place"))
        }
        return remarks + routingObstacles
    }

    private var routingObstacles: [AdoptionRemark] {
        var remarks: [AdoptionRemark] = []
        for node in nodes {
            switch node.upstream?.routing(services.ports) {
            case .both?:
                remarks.append(
                    AdoptionRemark(
                        "node \(node.address) sends requests to both colours: neither server line is `down`",
                        fix: "mark the line of the colour that is not live `down`, and reload nginx"))
            case .neither?:
                remarks.append(
                    AdoptionRemark(
                        "node \(node.address) sends requests to no colour: both server lines are `down`",
                        fix: "remove `down` from the line of the live colour, and reload nginx"))
            default: break
            }
            if node.upstream != nil, node.inspection.loaded == .no {
                remarks.append(
                    AdoptionRemark(
                        "the upstream file of node \(node.address) was edited and nginx has not loaded it since",
                        fix: "reload nginx there"))
            }
        }
        let routed = nodes.filter { $0.color != nil }
        if Set(routed.map(\.color)).count > 1 {
            let list = routed.map { "\($0.address) routes to \($0.routesTo)" }.joined(separator: ", ")
            remarks.append(
                AdoptionRemark(
                    "the nodes disagree: \(list)",
                    fix:
                        "move the word `down` in the upstream file of those that are wrong, and reload nginx there: no release starts "
                        + "until all route to the same colour"))
        }
        if let color = live, facts.workload(color) == nil, image.workload != nil {
            remarks.append(
                AdoptionRemark(
                    "all nodes route to \(color), which has no workload \(app.workloadName(color))",
                    fix: "make them route to \(color.other), which has one"))
        }
        return remarks
    }

    /// Upstreams that are not in `<backends>/<app>.conf`.
    private var placeObstacles: [AdoptionRemark] {
        let misplaced = nodes.filter { $0.upstream != nil && !$0.isInPlace(facts.app) }
        guard let first = misplaced.first, let upstream = first.upstream else { return [] }
        let path = "\(first.backends)/\(facts.app).conf"
        let what = "upstream \(services.upstream) is in \(upstream.file), but releases edit \(path)"
        let name = upstream.file.split(separator: "/").last.map(String.init) ?? ""
        let folder = String(upstream.file.dropLast(name.count + 1))
        guard name == "\(facts.app).conf" else {
            return [
                AdoptionRemark(
                    what,
                    fix: "move the upstream to \(path), include that file where the other one was, and reload nginx")
            ]
        }
        let setting = folder.replacing(
            first.address, with: nodes.count > 1 ? NodesConfiguration.placeholder : first.address)
        let others =
            facts.otherApps.isEmpty ? "" : " (\(facts.otherApps.joined(separator: ", ")) would be looked for there too)"
        return [AdoptionRemark(what, fix: "set nodes.backends to \(setting) in viridian.yaml\(others)")]
    }

    private var podObstacles: [AdoptionRemark] {
        var remarks: [AdoptionRemark] = []
        if let container = image.container, let workload = image.workload, !container.hasReadinessProbe {
            remarks.append(
                AdoptionRemark(
                    "container \(container.name) of \(workload.title) has no readiness probe: its pods count as ready as soon as their "
                        + "process runs",
                    fix: "add a readinessProbe to it, or set ready.stable to the app's start time"))
        }
        // A candidate mirrors the live colour's pods, in its own colour's labels.
        if let color = image.color, let workload = image.workload, let service = services.services[color.other] {
            var labels = workload.labels.mapValues { value in
                value == app.workloadName(color)
                    ? app.workloadName(color.other) : value == color.rawValue ? color.other.rawValue : value
            }
            labels.merge(app.selector(color.other)) { $1 }
            if !service.selects(labels) {
                remarks.append(
                    AdoptionRemark(
                        "service \(service.name) selects \(service.selector.labelText), which pods of a mirrored \(color.other) would not have",
                        fix: "let it select name=\(app.workloadName(color.other))"))
            }
        }
        return remarks
    }
}
