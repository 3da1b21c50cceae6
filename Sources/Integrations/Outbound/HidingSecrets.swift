extension String {
    /// The text with `(secret)` in the place of each secret; empty ones hide nothing.
    func hiding(_ secrets: [String]) -> String {
        secrets.reduce(self) { $1.isEmpty ? $0 : $0.replacing($1, with: "(secret)") }
    }
}
