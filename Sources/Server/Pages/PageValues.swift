import Controller
import Mustache

/// The values of a template, by name.
///
/// Text is sanitized when it is set: control and direction characters are shown as escapes. The templates escape HTML.
///
/// A name that was set to `nil` is empty in the template; a name that was never set is looked up in the enclosing values.
struct PageValues: MustacheParent, Sendable {
    private var values: [String: any Sendable] = [:]

    init() {}

    init(_ fill: (inout PageValues) -> Void) {
        fill(&self)
    }

    subscript(name: String) -> (any Sendable)? {
        get {
            let value = values[name]
            return value is Nothing ? nil : value
        }
        set {
            switch newValue {
            case nil: values[name] = Nothing()
            case let text as String: values[name] = text.safe
            case let texts as [String]: values[name] = texts.map(\.safe)
            case let other?: values[name] = other
            }
        }
    }

    /// Sets a value that is HTML, and is not escaped.
    mutating func setHTML(_ html: String?, as name: String) { values[name] = html ?? "" }

    func child(named name: String) -> Any? { values[name] }

    /// Set to `nil`: the enclosing values are not searched.
    private struct Nothing: MustacheCustomRepresentation, Sendable {
        var representation: Any? { nil }
    }
}
