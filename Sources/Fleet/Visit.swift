/// A request that was sent through nginx on a node, like a visitor's.
package struct Visit: Sendable, Hashable {
    package var url: String
    /// The address that nginx listens on.
    package var endpoint: String
    /// The status before the switch; `nil` without a response or request.
    package var before: Int?
    /// The status with nginx's current configuration.
    package var now: Int?

    /// `http://blog.domain.com/ at 127.0.0.1:80`, from a fact of the node script: upstream, address, port, kind, host and path, separated
    /// by tabs.
    static func url(ofRoute fact: String) -> String? {
        let fields = fact.split(separator: "\t", omittingEmptySubsequences: false)
        guard fields.count == 6 else { return nil }
        return
            "\(fields[3].hasPrefix("tls") ? "https" : "http")://\(fields[4])\(fields[5]) at \(fields[1]):\(fields[2])"
    }

    /// From a fact of the node script: URL, endpoint and both statuses, separated by tabs.
    init?(_ fact: String) {
        let fields = fact.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 4 else { return nil }
        url = fields[0]
        endpoint = fields[1]
        before = Int(fields[2])
        now = Int(fields[3])
    }
}

extension Visit: CustomStringConvertible {
    package var description: String {
        "\(url) at \(endpoint): \(now.map(String.init) ?? "no response")"
            + (before.map { now == $0 ? ", as before" : ", before: \($0)" } ?? "")
    }
}

/// The proof that a node serves visitors from the colour that it was switched to.
package struct VisitorProof: Sendable, Hashable {
    package enum Evidence: String, Sendable, Hashable {
        /// Requests through nginx succeeded.
        case visit
        /// nginx has connections to the colour, and none failed.
        case connections
        /// There were no requests and no failures.
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
        let requests = visits.map(\.description).joined(separator: "; ")
        return switch evidence {
        case .visit: "nginx serves visitors from it: \(requests)"
        case .connections where requests.isEmpty:
            "nginx has connections to it and has logged no failures; no request of the app could be sent through nginx"
        case .connections: "nginx has connections to it and has logged no failures (\(requests))"
        case .none where requests.isEmpty:
            "not verified by a request: no server in nginx's configuration passes requests to its upstream, and there were no visitors"
        case .none: "not verified by a request: \(requests); there were no visitors, and nginx has logged no error"
        }
    }
}
