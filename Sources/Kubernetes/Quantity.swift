/// A quantity in the API's notation: `3`, `250m`, `64Mi`, `1G`.
/// Source: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>
package struct Quantity: Sendable, Hashable {
    package var value: Double

    package init(_ value: Double) { self.value = value }

    package init?(_ json: JSON?) {
        if let number = json?.integer {
            value = Double(number)
            return
        }
        if case .number(let number) = json {
            value = number
            return
        }
        guard let text = json?.string else { return nil }
        let units: [(String, Double)] = [
            ("Ki", 1024), ("Mi", 1_048_576), ("Gi", 1_073_741_824), ("Ti", 1_099_511_627_776),
            ("m", 0.001), ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000),
        ]
        let unit = units.first { text.hasSuffix($0.0) }
        guard let number = Double(text.dropLast(unit?.0.count ?? 0)), number.isFinite else { return nil }
        value = number * (unit?.1 ?? 1)
    }

    /// Rounded up.
    package var whole: Int { Int(exactly: min(max(value.rounded(.up), -0x1p53), 0x1p53)) ?? 0 }

    /// For processors: `250m`, `3`.
    package var thousandths: String {
        let all = Quantity(value * 1000).whole
        return all % 1000 == 0 ? "\(all / 1000)" : "\(all)m"
    }

    /// For memory: `64Mi`, `3Gi`.
    package var mebibytes: String {
        let all = Quantity(value / 1_048_576).whole
        return all % 1024 == 0 && all > 0 ? "\(all / 1024)Gi" : "\(all)Mi"
    }
}
