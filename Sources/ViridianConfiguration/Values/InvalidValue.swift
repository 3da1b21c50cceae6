/// An invalid value from the command line, the API or a file, with the expected form.
package struct InvalidValue: Error, Sendable, Hashable {
    /// The name of the option, field or key: `version`, `app`, `reason`.
    package var field: String
    package var expected: String
    /// The value in a form for messages: short, in quotation marks, unprintable characters escaped.
    package var found: String

    package init(field: String, expected: String, found text: String) {
        self.field = field
        self.expected = expected
        found = Excerpt.quoted(text)
    }

    init(field: String, expected: String, foundNumber number: Int) {
        self.field = field
        self.expected = expected
        found = String(number)
    }
}

extension InvalidValue: CustomStringConvertible {
    package var description: String { "\(field): expected \(expected), found \(found)" }
}
