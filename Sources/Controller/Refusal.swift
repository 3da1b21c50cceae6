/// An error that retrying cannot fix. The release or the command fails with it.
package struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
    package var message: String
    package var details: [String]

    package init(_ message: String, details: [String] = []) {
        self.message = message
        self.details = details
    }

    package var description: String { ([message] + details).joined(separator: "\n") }
}
