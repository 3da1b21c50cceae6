import Controller
import Mustache

/// What a template is filled with: values by name.
///
/// Text is made safe as it is put in: characters that would act on a terminal it is copied to, or turn its direction around, are
/// shown as what they are. That it is no HTML is the templates' part.
///
/// A name that was set to nothing is empty in the template; one that was never set is looked up in what surrounds it.
struct Model: MustacheParent, Sendable {
    private var values: [String: any Sendable] = [:]

    init() {}

    /// Fills a new model.
    init(_ fill: (inout Model) -> Void) {
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

    /// Puts in what is HTML already.
    mutating func setHTML(_ html: String?, as name: String) { values[name] = html ?? "" }

    func child(named name: String) -> Any? { values[name] }

    /// Set, and empty: what is around it is not looked at.
    private struct Nothing: MustacheCustomRepresentation, Sendable {
        var representation: Any? { nil }
    }
}
