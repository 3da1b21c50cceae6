import Nginx

/// A line of nginx's configuration on a node that names one of an app's two ports.
package struct PortMention: Sendable, Hashable {
    /// The path in nginx's output.
    package var file: String
    /// Counted from 1.
    package var line: Int
    package var text: String
    /// Whether it is in the app's upstream file.
    var isOwn: Bool

    /// From a fact of the node script: `own:4:/etc/nginx/backends.d/blog.conf`, a tab, the line.
    init?(_ fact: String) {
        let halves = fact.split(separator: "\t", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = halves[0].split(separator: ":", maxSplits: 2)
        guard halves.count == 2, parts.count == 3, let line = Int(parts[1]) else { return nil }
        isOwn = parts[0] == "own"
        self.line = line
        file = String(parts[2])
        text = String(halves[1])
    }

    /// Whether the file matches an entry of `allowDirect`: an absolute path, or the end of one.
    func isIn(_ name: String) -> Bool {
        file == name || file.hasSuffix(name.hasPrefix("/") ? name : "/" + name)
    }
}

extension PortMention: CustomStringConvertible {
    package var description: String { "\(file):\(line): \(text)" }
}

extension Upstream {
    /// The lines that send requests to a colour's port directly and do not follow a switch. Excluded are lines of upstreams that are
    /// switched, and files in `allowDirect`.
    func direct(_ mentions: [PortMention], in file: UpstreamFile?) -> [PortMention] {
        let switched = file?.switchedLines(of: name, ports: ports) ?? []
        return mentions.filter { mention in
            !(mention.isOwn && switched.contains(mention.line)) && !allowDirect.contains(where: mention.isIn)
        }
    }
}
