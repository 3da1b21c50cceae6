/// A request that was sent through nginx on a node, as a visitor's comes.
package struct Visit: Sendable, Hashable {
    package var url: String
    /// Where nginx listens for it.
    package var endpoint: String
    /// The status of its answer while nginx sent visitors to the other colour; `nil` where there was no answer, or nobody had asked.
    package var before: Int?
    /// The status with what nginx has loaded now.
    package var now: Int?

    /// `http://blog.domain.com/` at `127.0.0.1:80`, of a fact of the node script: upstream, address, port, kind, host and path, with
    /// tabs between them.
    static func url(ofWay fact: String) -> String? {
        let words = fact.split(separator: "\t", omittingEmptySubsequences: false)
        guard words.count == 6 else { return nil }
        return "\(words[3].hasPrefix("tls") ? "https" : "http")://\(words[4])\(words[5]) at \(words[1]):\(words[2])"
    }

    /// From a fact of the node script: URL, endpoint, both statuses, with tabs between them.
    init?(_ fact: String) {
        let words = fact.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 4 else { return nil }
        url = words[0]
        endpoint = words[1]
        before = Int(words[2])
        now = Int(words[3])
    }
}

extension Visit: CustomStringConvertible {
    package var description: String {
        "\(url) at \(endpoint): \(now.map(String.init) ?? "no answer")"
            + (before.map { now == $0 ? ", as before" : ", before: \($0)" } ?? "")
    }
}

/// What shows that visitors of a node are served by the colour that it was switched to.
package struct VisitorProof: Sendable, Hashable {
    package enum Evidence: String, Sendable, Hashable {
        /// Requests through nginx were answered.
        case visit
        /// nginx has connections to the colour, and none that failed.
        case connections
        /// Nobody asked for anything, and nothing failed.
        case none
    }

    package var evidence: Evidence
    package var visits: [Visit]

    init?(_ facts: Facts) {
        guard let evidence = facts["proof"].flatMap(Evidence.init) else { return nil }
        self.evidence = evidence
        visits = facts.all("visited").compactMap(Visit.init)
    }
}

extension VisitorProof: CustomStringConvertible {
    package var description: String {
        let asked = visits.map(\.description).joined(separator: "; ")
        return switch evidence {
        case .visit: "nginx serves visitors from it: \(asked)"
        case .connections where asked.isEmpty:
            "nginx has connections to it and has logged none that failed; it could not be asked for a page of the app"
        case .connections: "nginx has connections to it and has logged none that failed (\(asked))"
        case .none where asked.isEmpty:
            "not proved by a request: no server of nginx's configuration passes to its upstream, and no visitor came meanwhile"
        case .none: "not proved by a request: \(asked); no visitor came meanwhile, and nginx has logged no error"
        }
    }
}
