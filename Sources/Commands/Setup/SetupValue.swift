import Controller
import Foundation
import ViridianConfiguration

/// A value that `init` and `app add` need: given as an option, or asked for, or a default.
struct SetupValue: Sendable {
    /// With its dashes.
    var option: String
    var given: String?

    /// The option's value, else the answer of a person, else `suggestion`, the default. Throws `Refusal` for an option's wrong value, and
    /// where nobody can be asked for what has no default.
    func resolve<Value>(
        _ question: String, suggestion: String?, _ interview: Interview?,
        read: (String) throws(InvalidValue) -> Value
    ) async throws -> Value {
        if given != nil { return try checked(read) }
        if let interview { return try await interview.value(question, suggestion: suggestion, read: read) }
        guard let suggestion else { throw Refusal("\(option) is missing, and without a terminal nobody can be asked") }
        return try read(suggestion)
    }

    /// The option's value.
    func checked<Value>(_ read: (String) throws(InvalidValue) -> Value) throws -> Value {
        do {
            return try read(given ?? "")
        } catch {
            throw Refusal("\(option): expected \(error.expected), found \(error.found)")
        }
    }

    /// Words between spaces and commas, each valid and none twice. `none` is the word that stands for an empty list; `nil` if there has to
    /// be one value.
    static func list(
        _ text: String, _ kind: TypedValue, field: String, none: String? = nil
    ) throws(InvalidValue) -> [String] {
        if text == none { return [] }
        let words = text.split { $0 == " " || $0 == "," || $0 == "\t" }.map(String.init)
        // An empty word says what was expected.
        return try list(words.isEmpty ? [""] : words, kind, field: field)
    }

    /// The values of an option that was given several times: what has a space in it is one value, and none that is valid.
    static func list(_ words: [String], _ kind: TypedValue, field: String) throws(InvalidValue) -> [String] {
        var values: [String] = []
        for word in words {
            let value = try kind.check(word, field: field)
            guard !values.contains(value) else {
                throw InvalidValue(field: field, expected: "each once", found: words.joined(separator: " "))
            }
            values.append(value)
        }
        return values
    }
}
