import Controller

/// A metric with all its samples.
struct MetricFamily: Sendable {
    enum Kind: Sendable {
        case counter
        case gauge
        /// The upper bounds of the buckets, ascending.
        case histogram([Double])
    }

    private struct Sample: Sendable {
        var value = 0.0
        var counts: [Int] = []
        var count = 0
    }

    let name: String
    /// The names of the labels that each sample has.
    let labels: Set<String>
    private let kind: Kind
    let help: String
    private var samples: [[String: String]: Sample] = [:]
    /// Label values come from outside (versions for example), so their number is bounded.
    private static let maximumSamples = 10_000

    init(_ name: String, _ kind: Kind, _ labels: [String], _ help: String) {
        self.name = name
        self.labels = Set(labels)
        self.kind = kind
        self.help = help
    }

    mutating func add(_ amount: Double, _ labels: [String: String]) {
        guard hasRoom(labels) else { return }
        samples[labels, default: Sample()].value += amount
    }

    mutating func set(_ value: Double, _ labels: [String: String]) {
        guard hasRoom(labels) else { return }
        samples[labels, default: Sample()].value = value
    }

    mutating func observe(_ value: Double, _ labels: [String: String]) {
        guard case .histogram(let bounds) = kind, hasRoom(labels) else { return }
        var sample = samples[labels] ?? Sample(counts: Array(repeating: 0, count: bounds.count))
        if let bucket = bounds.firstIndex(where: { value <= $0 }) { sample.counts[bucket] += 1 }
        sample.count += 1
        sample.value += value
        samples[labels] = sample
    }

    mutating func remove(where matches: ([String: String]) -> Bool) {
        samples = samples.filter { !matches($0.key) }
    }

    private func hasRoom(_ labels: [String: String]) -> Bool {
        assert(
            Set(labels.keys) == self.labels,
            "\(name) has the labels \(self.labels.sorted()), not \(labels.keys.sorted())")
        return samples.count < MetricFamily.maximumSamples || samples[labels] != nil
    }

    /// In Prometheus' exposition format 0.0.4. `clusters` are the names of the clusters of apps that run in one with a name: samples of such
    /// an app have one label more, `cluster`.
    func text(clusters: [String: String]) -> String {
        var lines = ["# HELP \(name) \(help)", "# TYPE \(name) \(typeName)"]
        for (labels, sample) in samples.map({ (MetricFamily.text($0.key, clusters), $0.value) }).sorted(by: {
            $0.0 < $1.0
        }) {
            guard case .histogram(let bounds) = kind else {
                lines.append("\(name)\(MetricFamily.braced(labels)) \(MetricFamily.number(sample.value))")
                continue
            }
            var total = 0
            let more = labels.isEmpty ? "" : labels + ","
            for (bound, count) in zip(bounds, sample.counts) {
                total += count
                lines.append("\(name)_bucket{\(more)le=\"\(MetricFamily.number(bound))\"} \(total)")
            }
            lines.append("\(name)_bucket{\(more)le=\"+Inf\"} \(sample.count)")
            lines.append("\(name)_sum\(MetricFamily.braced(labels)) \(MetricFamily.number(sample.value))")
            lines.append("\(name)_count\(MetricFamily.braced(labels)) \(sample.count)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var typeName: String {
        switch kind {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        }
    }

    private static func braced(_ labels: String) -> String { labels.isEmpty ? "" : "{\(labels)}" }

    private static func text(_ labels: [String: String], _ clusters: [String: String]) -> String {
        var labels = labels
        if let app = labels["app"], let cluster = clusters[app] { labels["cluster"] = cluster }
        return labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(escaped($0.value))\"" }.joined(separator: ",")
    }

    private static func escaped(_ value: String) -> String {
        value.safe.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }
}
