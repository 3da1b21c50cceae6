extension HookRequest {
    /// The object that the body is: JSON, or a form with JSON in its field `payload`, as GitHub and Gitea send it when they are set up so.
    ///
    /// - Throws: `MalformedHook`.
    func object() throws(MalformedHook) -> HookJSON {
        let value = try HookJSONReader.value(of: isForm ? payload() : body)
        guard value.object != nil else { throw MalformedHook("the body is JSON, but not an object") }
        return value
    }

    private var isForm: Bool {
        guard let type = headers["content-type"] else { return body.starts(with: Self.payloadField) }
        return type.lowercased().hasPrefix("application/x-www-form-urlencoded")
    }

    private static let payloadField = Array("payload=".utf8)

    private func payload() throws(MalformedHook) -> [UInt8] {
        let fields = body.split(separator: UInt8(ascii: "&")).filter { $0.starts(with: Self.payloadField) }
        guard let field = fields.first, fields.count == 1 else {
            throw MalformedHook("the body is a form; expected one field payload with JSON in it")
        }
        guard let payload = FormField.decoded(field.dropFirst(Self.payloadField.count)) else {
            throw MalformedHook("the form's field payload is not percent-encoded")
        }
        return payload
    }
}
