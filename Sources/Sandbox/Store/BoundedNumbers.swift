// Requests and statuses may contain any JSON number. These conversions clamp them, so that arithmetic cannot overflow.

extension Duration {
    /// Seconds from an object, clamped to 0...2^31 - 1.
    static func bounded(seconds: Int) -> Duration { .seconds(min(max(0, seconds), Int(Int32.max))) }
}

extension Int {
    /// The nearest integer that a `Double` represents exactly; 0 for NaN.
    init(bounded value: Double) {
        self = value.isNaN ? 0 : Int(Swift.min(Swift.max(value, -0x1p53), 0x1p53))
    }
}
