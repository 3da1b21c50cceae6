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
        /// The values of `others`, in their order.
        var values: [String]
        var value = 0.0
        var counts: [Int] = []
        var count = 0
    }

    let name: String
    /// The names of the labels that each sample has.
    let labels: Set<String>
    private let kind: Kind
    let help: String
    /// The labels but `app`, sorted.
    private let others: [String]
    /// By app: a check of one app does not search the samples of all. A family without that label has a group for each sample.
    private var groups: [String: [Sample]] = [:]
    /// Label values come from outside (versions for example), so their number is bounded. That of the apps is bounded by the configuration.
    private static let maximumSamples = 10_000
    private static let maximumSamplesOfAnApp = 1000

    init(_ name: String, _ kind: Kind, _ labels: [String], _ help: String) {
        self.name = name
        self.labels = Set(labels)
        self.kind = kind
        self.help = help
        others = labels.filter { $0 != "app" }.sorted()
    }

    mutating func add(_ amount: Double, _ labels: [String: String]) {
        change(labels) { $0.value += amount }
    }

    mutating func set(_ value: Double, _ labels: [String: String]) {
        change(labels) { $0.value = value }
    }

    mutating func observe(_ value: Double, _ labels: [String: String]) {
        guard case .histogram(let bounds) = kind else { return }
        change(labels) { sample in
            if sample.counts.isEmpty { sample.counts = Array(repeating: 0, count: bounds.count) }
            if let bucket = bounds.firstIndex(where: { value <= $0 }) { sample.counts[bucket] += 1 }
            sample.count += 1
            sample.value += value
        }
    }

    /// Removes the samples of an app.
    mutating func remove(app: String) {
        groups[app] = nil
    }

    /// Changes the sample with these labels, which is added if there is room for it.
    private mutating func change(_ labels: [String: String], _ edit: (inout Sample) -> Void) {
        assert(
            Set(labels.keys) == self.labels,
            "\(name) has the labels \(self.labels.sorted()), not \(labels.keys.sorted())")
        let values = others.map { labels[$0] ?? "" }
        let app = labels["app"]
        let group = app ?? values.joined(separator: "\0")
        guard let index = groups[group]?.firstIndex(where: { $0.values == values }) else {
            let hasRoom =
                app == nil
                ? groups.count < Self.maximumSamples : groups[group]?.count ?? 0 < Self.maximumSamplesOfAnApp
            guard hasRoom else { return }
            var sample = Sample(values: values)
            edit(&sample)
            groups[group, default: []].append(sample)
            return
        }
        edit(&groups[group, default: []][index])
    }

    /// Writes it in Prometheus' exposition format 0.0.4. `clusters` are the names of the clusters of apps that run in one with a name:
    /// samples of such an app have one label more, `cluster`.
    func write(to text: inout String, clusters: [String: String]) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(typeName)\n"
        for (group, samples) in groups.sorted(by: { $0.key < $1.key }) {
            let app = labels.contains("app") ? group : nil
            let lines = samples.map { (labels: labelText($0, app: app, clusters), sample: $0) }
            for (labels, sample) in lines.sorted(by: { $0.labels < $1.labels }) { write(sample, labels, to: &text) }
        }
    }

    private func write(_ sample: Sample, _ labels: String, to text: inout String) {
        let braced = labels.isEmpty ? "" : "{\(labels)}"
        guard case .histogram(let bounds) = kind else {
            text += "\(name)\(braced) \(MetricFamily.number(sample.value))\n"
            return
        }
        var total = 0
        let more = labels.isEmpty ? "" : labels + ","
        for (bound, count) in zip(bounds, sample.counts) {
            total += count
            text += "\(name)_bucket{\(more)le=\"\(MetricFamily.number(bound))\"} \(total)\n"
        }
        text += "\(name)_bucket{\(more)le=\"+Inf\"} \(sample.count)\n"
        text += "\(name)_sum\(braced) \(MetricFamily.number(sample.value))\n"
        text += "\(name)_count\(braced) \(sample.count)\n"
    }

    private func labelText(_ sample: Sample, app: String?, _ clusters: [String: String]) -> String {
        var labels = Array(zip(others, sample.values))
        if let app { labels.append(("app", app)) }
        if let cluster = app.flatMap({ clusters[$0] }) { labels.append(("cluster", cluster)) }
        return labels.sorted { $0.0 < $1.0 }.map { "\($0)=\"\(MetricFamily.escaped($1))\"" }.joined(separator: ",")
    }

    private var typeName: String {
        switch kind {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        }
    }

    private static func escaped(_ value: String) -> String {
        value.safe.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }
}
