import NIOConcurrencyHelpers

/// How many requests of each kind the API has got, as API servers tell at `/metrics`: `apiserver_request_total`.
struct RequestCounts: Sendable {
    private struct Kind: Hashable, Comparable {
        var verb: String
        var resource: String

        static func < (one: Kind, other: Kind) -> Bool { (one.resource, one.verb) < (other.resource, other.verb) }
    }

    private let counts = NIOLockedValueBox<[Kind: Int]>([:])

    /// Requests that are not for objects count with an empty resource.
    func add(_ info: RequestInfo) {
        counts.withLockedValue {
            $0[Kind(verb: info.verb.uppercased(), resource: info.resource?.type.plural ?? ""), default: 0] += 1
        }
    }

    /// In Prometheus' text format.
    var text: String {
        let lines = counts.withLockedValue { $0 }.sorted { $0.key < $1.key }.map { kind, count in
            "apiserver_request_total{verb=\"\(kind.verb)\",resource=\"\(kind.resource)\"} \(count)\n"
        }
        return "# TYPE apiserver_request_total counter\n" + lines.joined()
    }
}
