import Hummingbird
import HummingbirdCore

extension Int {
    /// The highest number that every reader of JSON reads exactly (RFC 8259, section 6).
    static let mostInJSON = 9_007_199_254_740_991
}

extension Request {
    /// An integer in the query. Throws 422 when it is no integer or out of range.
    func integer(_ name: String, _ range: ClosedRange<Int>) throws(APIError) -> Int? {
        guard let text = uri.queryParameters[Substring(name)] else { return nil }
        guard let value = Int(text), range.contains(value) else {
            let bounds =
                range.upperBound == .mostInJSON
                ? "from \(range.lowerBound) on" : "from \(range.lowerBound) to \(range.upperBound)"
            throw .invalid(name, "\(name) has to be a whole number \(bounds)")
        }
        return value
    }
}
