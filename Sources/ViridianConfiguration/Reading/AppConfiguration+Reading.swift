import Foundation
import ReleaseMachine
import Yams

extension AppConfiguration {
    static let keys = [
        "app", "cluster", "namespace", "ports", "image", "containers", "workload", "replicas", "template", "upstream",
        "protocol",
        "hosts",
        "preview", "ready", "verify", "postDeploy", "artifact", "probe", "drain", "retain", "tolerate",
        "repair", "allowDirect", "releaseOn", "whenBusy",
    ]

    /// Reads the whole file even if it has errors; then the app is `nil` and the errors are in the context. `clusters` are the configured
    /// ones; `nil` where they are not known.
    init?(_ file: YAMLFile, clusters: [ClusterConfiguration]?, _ context: ReadingContext) {
        guard let section = Section(file, known: Self.keys, context) else { return nil }
        let name = section.require("app", .appName)
        if let name { context.claim(.app(name.text), owner: name.text, at: section.location(of: "app")) }
        let cluster = Self.cluster(section, clusters)
        let ports = Ports(section, owner: name?.text, in: cluster, context)
        let image = section.require("image", .appImage)
        let containers = Self.containers(section)
        let upstream = section.read(
            "upstream", .text("a name of letters, digits, _, . and -", where: Grammar.isUpstreamName))
        if let upstream = upstream ?? name.map({ "\($0)LB" }) {
            context.claim(
                .upstream(upstream, cluster: cluster), owner: name?.text, at: section.location(of: "upstream"))
        }
        let namespace = section.read(
            "namespace",
            .text("a namespace of at most 63 lower-case letters, digits and -, not beginning or ending with -") {
                Grammar.isDNSLabel($0)
            })
        if let namespace = namespace ?? name?.text {
            context.claim(
                .namespace(namespace, cluster: cluster), owner: name?.text, at: section.location(of: "namespace"))
        }
        let (hosts, preview) = Self.hosts(section, owner: name?.text, in: cluster, context)
        let workload = section.read("workload", .choice, default: Workload.replicationController)
        let replicas = section.read("replicas", .integer(0...10_000), default: 1)
        let template = Template(section, context)
        let `protocol` = section.read("protocol", .choice, default: Proto.http)
        let ready = Ready(section)
        let verify = Verify(section)
        let postDeploy = PostDeploy(section)
        let artifact = Artifact(section)
        let probe = Probe(section)
        let drain = Drain(section)
        let retain = section.read("retain", .duration(), default: .zero)
        let tolerate = section.read("tolerate", .integer(0...(.max)), default: 0)
        let repair = section.read("repair", .choice, default: Repair.manual)
        let allowDirect =
            section.list(
                "allowDirect",
                .text("a file of nginx's configuration such as /etc/nginx/sites-enabled/debug or sites-enabled/debug") {
                    !$0.isEmpty && $0 != "/" && Grammar.isOneLine($0)
                }) ?? []
        let releaseOn = ReleaseTriggers(section)
        let whenBusy = section.read("whenBusy", .choice, default: WhenBusy.refuse)
        guard let name, let ports, let image else { return nil }
        // The values were validated above.
        guard
            let app = try? AppConfiguration(
                app: name.text, cluster: cluster, namespace: namespace, ports: ports, image: image.name,
                containers: containers, workload: workload, replicas: replicas, template: template, upstream: upstream,
                protocol: `protocol`, hosts: hosts,
                preview: preview, ready: ready, verify: verify, postDeploy: postDeploy, artifact: artifact,
                probe: probe, drain: drain, retain: retain, tolerate: tolerate, repair: repair,
                allowDirect: allowDirect, releaseOn: releaseOn, whenBusy: whenBusy)
        else { return nil }
        self = app
    }

    private static func containers(_ section: Section) -> [String]? {
        let name = Kind<String>.text("a container's name of at most 63 lower-case letters, digits and -") {
            Grammar.isDNSLabel($0)
        }
        guard let names = section.list("containers", name) else { return nil }
        if section.isEmpty("containers") {
            section.report(
                "expected at least one container that gets a release's image; without this key, every container with the "
                    + "app's repository gets it", at: "containers")
        } else if let twice = names.enumerated().first(where: { names[..<$0.offset].contains($0.element) }) {
            section.report("expected each container once, found \(twice.element) more than once", at: "containers")
        }
        return names
    }
}

extension Kind where Value == AppName {
    static var appName: Kind { Kind(AppName.expected) { text throws(InvalidValue) in try AppName(text) } }
}

extension Kind where Value == ImageReference {
    static var appImage: Kind {
        Kind("an image without a tag") { text throws(InvalidValue) in try ImageReference(app: text) }
    }
}

extension AppConfiguration.Ports {
    fileprivate init?(_ section: Section, owner: String?, in cluster: String?, _ context: ReadingContext) {
        guard let ports = section.requireSection("ports", known: ["container", "blue", "green"]) else { return nil }
        let container = ports.require("container", .port())
        // The default of kube-apiserver's --service-node-port-range.
        let blue = ports.require("blue", .port(30000...32767))
        let green = ports.require("green", .port(30000...32767))
        if let blue { context.claim(.port(blue, cluster: cluster), owner: owner, at: ports.location(of: "blue")) }
        if let green, green == blue {
            ports.report("expected a port other than blue's, found \(green)", at: "green")
        } else if let green {
            context.claim(.port(green, cluster: cluster), owner: owner, at: ports.location(of: "green"))
        }
        guard let container, let blue, let green else { return nil }
        self.init(container: container, blue: blue, green: green)
    }
}

extension AppConfiguration.Template {
    fileprivate init?(_ section: Section, _ context: ReadingContext) {
        guard let path = section.read("template", .path) else { return nil }
        let source = SourceFile(path, workingDirectory: context.workingDirectory)
        guard FileManager.default.fileExists(atPath: path) else {
            section.report("expected the file of a pod template, but \(source.display) does not exist", at: "template")
            return nil
        }
        guard let file = YAMLFile(SourceText(source), context) else { return nil }
        let whole = Location(file: source)
        guard let mapping = file.root.mapping else {
            context.report("expected a pod template: a Pod, a PodTemplate, or metadata and spec", at: whole)
            return nil
        }
        let kind = mapping["kind"]?.scalar?.string
        guard kind == nil || kind == "Pod" || kind == "PodTemplate" else {
            context.report(
                "expected a Pod, a PodTemplate, or metadata and spec, found a \(Excerpt.quoted(kind ?? ""))",
                at: Location(file: source, line: mapping["kind"]?.mark?.line, key: "kind"))
            return nil
        }
        let (root, prefix) = kind == "PodTemplate" ? (mapping["template"]?.mapping, "template.") : (mapping, "")
        // A merge key may add them, which is checked when the template is used.
        let mayBeMerged = root?["<<"] != nil || root?["spec"]?.mapping?["<<"] != nil
        guard mayBeMerged || root?["spec"]?.mapping?["containers"]?.sequence?.isEmpty == false else {
            context.report(
                "missing; expected a list of at least one container",
                at: Location(file: source, key: prefix + "spec.containers"))
            return nil
        }
        self.init(path: path, text: file.text)
    }
}

extension AppConfiguration.Ready {
    fileprivate init(_ section: Section) {
        self.init()
        guard let ready = section.section("ready", known: ["timeout", "stable"]) else { return }
        timeout = ready.read("timeout", .duration(positive: true), default: timeout)
        stable = ready.read("stable", .duration(), default: stable)
        if stable >= timeout {
            ready.report("expected less than the timeout, which is \(timeout.text), found \(stable.text)", at: "stable")
        }
    }
}

extension AppConfiguration.Verify {
    fileprivate init(_ section: Section) {
        self.init()
        guard let verify = section.section("verify", known: ["required", "timeout", "then", "approvals", "by"]) else {
            return
        }
        required = verify.read("required", .boolean, default: required)
        timeout = verify.read("timeout", .duration(positive: true), default: timeout)
        then = verify.read("then", .choice, default: then)
        approvals = verify.read("approvals", .integer(1...20), default: approvals)
        by = verify.read("by", .choice, default: by)
        if then == .promote, asksOthers {
            verify.report(
                "expected abort: with promote a release would go live without the approvals that it needs", at: "then")
        }
    }
}

extension AppConfiguration.PostDeploy {
    fileprivate init?(_ section: Section) {
        guard let postDeploy = section.section("postDeploy", known: ["command", "timeout"]) else { return nil }
        let command = postDeploy.require(
            "command",
            .text("a command") { !$0.allSatisfy(\.isWhitespace) && !$0.contains("\0") })
        let timeout = postDeploy.read("timeout", .duration(positive: true), default: .seconds(300))
        guard let command else { return nil }
        self.init(command: command, timeout: timeout)
    }
}

extension AppConfiguration.Artifact {
    fileprivate init?(_ section: Section) {
        guard let artifact = section.section("artifact", known: ["from", "to", "keep", "sha256", "timeout"]) else {
            return nil
        }
        let from = artifact.require("from", Self.source)
        let to = artifact.require("to", .absolutePath("an absolute path of a directory on the nodes"))
        let keep = artifact.read("keep", .integer(1...1000), default: 5)
        if let to, to.split(separator: "/").isEmpty || to.split(separator: "/").contains("..") {
            artifact.report("expected a directory other than /, without .., found \(Excerpt.quoted(to))", at: "to")
        }
        let digits = artifact.read("sha256", Self.checksum)
        let timeout = artifact.read("timeout", .duration(positive: true), default: .seconds(300))
        guard let from, let to else { return nil }
        self.init(from: from, to: to, keep: keep, sha256: digits, timeout: timeout)
    }

    private static var checksum: Kind<String> {
        Kind("64 hexadecimal digits, or an s3:// or https:// URL or a path of a file that begins with them") {
            scalar throws(Mismatch) in
            let text = scalar.text
            if text.utf8.count == 64, text.allSatisfy({ $0.isASCII && $0.isHexDigit }) { return text.lowercased() }
            return try source.parse(scalar)
        }
    }

    private static var source: Kind<String> {
        Kind("s3://BUCKET/KEY, https://… or a path") { scalar throws(Mismatch) in
            let text = scalar.text
            let rest = text.replacing("{version}", with: "").replacing("{app}", with: "")
            guard !rest.contains("{"), !rest.contains("}") else {
                throw Mismatch(expected: "no other placeholders than {version} and {app}")
            }
            guard Grammar.isOneLine(text), !text.contains(" ") else { throw Mismatch() }
            guard let scheme = text.range(of: "://") else { return try Kind.path.parse(scalar) }
            let parts = text[scheme.upperBound...].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard ["s3", "https"].contains(text[..<scheme.lowerBound]), parts.count == 2, !parts[0].isEmpty,
                !parts[1].isEmpty
            else { throw Mismatch() }
            return text
        }
    }
}

extension AppConfiguration.Probe {
    fileprivate init?(_ section: Section) {
        guard let probe = section.section("probe", known: ["path"]),
            let path = probe.require(
                "path",
                .text("a path that begins with /") { path in
                    path.hasPrefix("/") && path.utf8.count <= 1024
                        && path.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value < 0x7F }
                })
        else { return nil }
        self.init(path: path)
    }
}

extension AppConfiguration.Drain {
    fileprivate init(_ section: Section) {
        self.init()
        guard let drain = section.section("drain", known: ["least", "most"]) else { return }
        let least = drain.read("least", .duration())
        let most = drain.read("most", .duration())
        if let least, let most, most < least {
            drain.report("expected at least drain.least (\(least.text)), found \(most.text)", at: "most")
        }
        // If only one is given, the other's default is adjusted to it.
        self.least = least ?? min(self.least, most ?? self.least)
        self.most = most ?? max(self.most, least ?? self.most)
    }
}
