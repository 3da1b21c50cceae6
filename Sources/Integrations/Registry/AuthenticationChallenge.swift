import Foundation
import HTTPTransport

/// An authentication that a server requires: `WWW-Authenticate: Bearer realm="https://…",service="…"` (RFC 9110, 11.6.1).
struct AuthenticationChallenge: Sendable, Hashable {
    /// In lower case: `bearer`, `basic`.
    var scheme: String
    /// Names in lower case.
    var parameters: [String: String]

    /// All challenges of a response: several headers, several in one header, commas within quotes.
    static func all(in headers: HTTPConnection.Headers) -> [AuthenticationChallenge] {
        var found: [AuthenticationChallenge] = []
        for field in headers.fields where field.name.caseInsensitiveCompare("WWW-Authenticate") == .orderedSame {
            for item in items(field.value.prefix(8192)) { add(item, to: &found) }
        }
        return found
    }

    /// An item is a scheme, a parameter, or a scheme and its first parameter.
    private static func add(_ item: String, to found: inout [AuthenticationChallenge]) {
        var parameter = item
        let word = item.prefix { $0 != " " && $0 != "=" }
        let rest = item[word.endIndex...].drop { $0 == " " }
        if !rest.hasPrefix("=") {
            found.append(AuthenticationChallenge(scheme: word.lowercased(), parameters: [:]))
            parameter = String(rest)
        }
        guard !found.isEmpty, let equals = parameter.firstIndex(of: "=") else { return }
        let name = parameter[..<equals].trimmingCharacters(in: .whitespaces).lowercased()
        let value = parameter[parameter.index(after: equals)...].trimmingCharacters(in: .whitespaces)
        found[found.count - 1].parameters[name] = unquoted(value)
    }

    /// The parts between commas that are not within quotes.
    private static func items(_ text: Substring) -> [String] {
        var items = [""]
        var isQuoted = false
        var isEscaped = false
        for character in text {
            if character == ",", !isQuoted {
                items.append("")
                continue
            }
            if character == "\"", !isEscaped { isQuoted.toggle() }
            isEscaped = isQuoted && character == "\\" && !isEscaped
            items[items.count - 1].append(character)
        }
        return items.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }

    private static func unquoted(_ text: String) -> String {
        guard text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return text }
        var value = ""
        var isEscaped = false
        for character in text.dropFirst().dropLast() {
            isEscaped = character == "\\" && !isEscaped
            if !isEscaped { value.append(character) }
        }
        return value
    }
}
