import Kubernetes

/// Numbers that others wrote, within what can be computed with: anything that fits into the JSON may come in a request or stand in
/// a status.
extension JSON {
    /// A count of things, never below zero and never above the API's own 32 bits.
    var amount: Int? { integer.map { min(max(0, $0), Int(Int32.max)) } }
}

extension Duration {
    /// Whole seconds that an object names: none below zero, and none that a clock cannot add up.
    static func bounded(seconds: Int) -> Duration { .seconds(min(max(0, seconds), Int(Int32.max))) }
}

extension Int {
    /// The nearest whole number that a `Double` holds exactly; 0 for what is no number.
    init(bounded value: Double) {
        self = value.isNaN ? 0 : Int(Swift.min(Swift.max(value, -0x1p53), 0x1p53))
    }
}
