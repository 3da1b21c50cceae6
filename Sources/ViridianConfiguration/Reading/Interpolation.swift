/// Replaces environment variables in values: `${NAME}` by the variable, `$${` by a literal `${`.
enum Interpolation {
    enum Problem: Error, Equatable {
        case unset(name: String)
        /// `${` is not followed by a name and a closing brace.
        case malformed
    }

    /// The text with its variables replaced, and whether it contained any.
    /// `unset` gives the value of a variable that is not set; without one that is an error.
    static func expand(
        _ text: String, _ environment: [String: String], unset: (String) -> String? = { _ in nil },
        found: (String) -> Void = { _ in }
    ) throws(Problem) -> (text: String, isInterpolated: Bool) {
        guard text.contains("${") else { return (text, false) }
        var result = ""
        var isInterpolated = false
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...]
            if rest.hasPrefix("$${") {
                result += "${"
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("${") {
                guard let end = rest.firstIndex(of: "}") else { throw .malformed }
                let name = rest[..<end].dropFirst(2)
                guard Grammar.isVariableName(name) else { throw .malformed }
                found(String(name))
                guard let value = environment[String(name)] ?? unset(String(name)) else {
                    throw .unset(name: String(name))
                }
                result += value
                isInterpolated = true
                rest = rest[end...].dropFirst()
            } else {
                result += "$"
                rest = rest.dropFirst()
            }
        }
        return (result + rest, isInterpolated)
    }
}
