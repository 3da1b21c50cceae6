import Nginx

/// A line of nginx's configuration on a node that names one of an app's two ports.
package struct PortMention: Sendable, Hashable {
    /// As nginx names it.
    package var file: String
    /// Counted from 1.
    package var line: Int
    package var text: String
    /// It is in the app's own upstream file.
    var isOwn: Bool

    /// From a fact of the node script: `own:4:/etc/nginx/backends.d/blog.conf`, a tab, the line.
    init?(_ fact: String) {
        let halves = fact.split(separator: "\t", maxSplits: 1, omittingEmptySubsequences: false)
        let words = halves[0].split(separator: ":", maxSplits: 2)
        guard halves.count == 2, words.count == 3, let line = Int(words[1]) else { return nil }
        isOwn = words[0] == "own"
        self.line = line
        file = String(words[2])
        text = String(halves[1])
    }

    /// Whether `name`, as `allowDirect` of the app's file has it, is this one: a path from the root, or its last parts.
    func isIn(_ name: String) -> Bool {
        file == name || file.hasSuffix(name.hasPrefix("/") ? name : "/" + name)
    }
}

extension PortMention: CustomStringConvertible {
    package var description: String { "\(file):\(line): \(text)" }
}

extension Upstream {
    /// The lines that would go on sending requests to a colour whatever its upstreams say: all that name a port, without those of
    /// upstreams that are switched, and of files that the app's configuration allows to.
    func direct(_ mentions: [PortMention], in file: UpstreamFile?) -> [PortMention] {
        let switched = file?.switchedLines(of: name, ports: ports) ?? []
        return mentions.filter { mention in
            !(mention.isOwn && switched.contains(mention.line)) && !allowDirect.contains(where: mention.isIn)
        }
    }
}
