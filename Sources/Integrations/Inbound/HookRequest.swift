/// A request to `/hooks/…` as it came, before anything of it is trusted.
package struct HookRequest: Sendable {
    /// By lower-case name.
    package var headers: [String: String]
    package var query: [String: String]
    /// The bytes that were signed.
    package var body: [UInt8]

    package init(headers: [String: String], query: [String: String] = [:], body: [UInt8]) {
        self.headers = headers
        self.query = query
        self.body = body
    }

    /// The value of the first of these headers that is there.
    func header(_ names: String...) -> String? { names.lazy.compactMap { headers[$0] }.first }
}
