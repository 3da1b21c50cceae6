/// Environment variables in values: `${NAME}` is the variable, `$${` a plain `${`.
enum Interpolation {
    enum Problem: Error, Equatable {
        case unset(name: String)
        /// After `${` comes no name with a closing brace.
        case malformed
    }

    /// The text with its variables filled in, and whether there was any.
    static func expand(
        _ text: String, _ environment: [String: String]
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
                guard let value = environment[String(name)] else { throw .unset(name: String(name)) }
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
