/// A value of the configuration that a person types elsewhere: at a question, or as an option of the command line. It is checked exactly
/// as in the files.
package enum TypedValue: Sendable {
    case app
    /// An app's image, without a tag.
    case image
    case containerPort
    /// A host name, or `*.` and one.
    case host
    /// A host name with an optional port.
    case preview
    case node
    case user
    case region
    /// The value of a tag of an instance.
    case tag
    /// A label selector of nodes.
    case selector

    /// The value as it is kept: host names in lower case. `field` is the name of the option or the question, for the error.
    package func check(_ text: String, field: String) throws(InvalidValue) -> String {
        switch self {
        case .app: try check(text, .appName, field).text
        case .image: try check(text, .appImage, field).name
        case .containerPort: try String(check(text, .port(), field))
        case .host: try check(text, .host, field)
        case .preview: try check(text, .site(), field)
        case .node: try check(text, .nodeAddress, field)
        case .user: try check(text, .userName, field)
        case .region: try check(text, .region, field)
        case .tag: try check(text, .tagValue, field)
        case .selector: try check(text, .labelSelector, field)
        }
    }

    private func check<Value>(_ text: String, _ kind: Kind<Value>, _ field: String) throws(InvalidValue) -> Value {
        let scalar = Scalar(
            text: text, isPlain: true, isInterpolated: false, file: SourceFile("/", workingDirectory: "/"),
            environment: [:])
        do throws(Mismatch) {
            return try kind.parse(scalar)
        } catch {
            throw InvalidValue(field: field, expected: error.expected ?? kind.expected, found: text)
        }
    }
}
