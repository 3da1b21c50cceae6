/// The fields of a body that is `application/x-www-form-urlencoded`, read strictly: a field that stands twice is an error, since one reader takes
/// the first and another the last.
///
/// <https://url.spec.whatwg.org/#application/x-www-form-urlencoded>
package struct SlackForm: Sendable {
    private static let mostFields = 100
    private let fields: [String: String]

    package init(_ body: [UInt8]) throws(MalformedSlackRequest) {
        var fields: [String: String] = [:]
        for pair in body.split(separator: UInt8(ascii: "&")) {
            guard fields.count < Self.mostFields else {
                throw MalformedSlackRequest("the form has more than \(Self.mostFields) fields")
            }
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")),
                let name = Self.decoded(pair[..<equals]), let value = Self.decoded(pair[(equals + 1)...])
            else { throw MalformedSlackRequest("the body is not a form: fields are NAME=VALUE, percent-encoded") }
            guard fields.updateValue(value, forKey: name) == nil else {
                throw MalformedSlackRequest("a field of the form stands in it twice")
            }
        }
        guard !fields.isEmpty else { throw MalformedSlackRequest("the body is empty; expected a form") }
        self.fields = fields
    }

    package subscript(name: String) -> String? { fields[name] }

    /// `nil` where it is not percent-encoded, or the text is not UTF-8.
    private static func decoded(_ text: ArraySlice<UInt8>) -> String? {
        FormField.decoded(text).flatMap { String(validating: $0, as: UTF8.self) }
    }
}
