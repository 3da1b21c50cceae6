/// The formats of names (`k8s.io/apimachinery/pkg/util/validation`). Each check returns the problem, or `nil`.
enum Names {
    static func problemAsSubdomain(_ name: String) -> String? {
        if name.utf8.count > 253 { return "must be no more than 253 characters" }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        if parts.allSatisfy({ isLabel($0) }) { return nil }
        return
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            + "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
            + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    }

    static func problemAsLabel1123(_ name: String) -> String? {
        if name.utf8.count > 63 { return "must be no more than 63 characters" }
        if isLabel(Substring(name)) { return nil }
        return
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and "
            + "end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
            + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    }

    static func problemAsLabel1035(_ name: String) -> String? {
        if name.utf8.count > 63 { return "must be no more than 63 characters" }
        if isLabel(Substring(name)), let first = name.utf8.first, isLower(first) { return nil }
        return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
            + "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
            + "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
    }

    static func problemAsLabelValue(_ value: String) -> String? {
        if value.utf8.count > 63 { return "must be no more than 63 characters" }
        let bytes = Array(value.utf8)
        let isEdge = { (byte: UInt8) in isLower(byte) || isDigit(byte) || isUpper(byte) }
        let isMiddle = { (byte: UInt8) in isEdge(byte) || [45, 46, 95].contains(byte) }
        guard let first = bytes.first, let last = bytes.last else { return nil }
        if isEdge(first), isEdge(last), bytes.allSatisfy(isMiddle) { return nil }
        return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
            + "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
            + "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    }

    static func problemAsPathSegment(_ name: String) -> String? {
        if name == "." || name == ".." { return "may not be '\(name)'" }
        return ["/", "%"].first { name.contains($0) }.map { "may not contain '\($0)'" }
    }

    private static func isLabel(_ name: Substring) -> Bool {
        let bytes = Array(name.utf8)
        let isEdge = { (byte: UInt8) in isLower(byte) || isDigit(byte) }
        guard let first = bytes.first, let last = bytes.last else { return false }
        return isEdge(first) && isEdge(last) && bytes.allSatisfy { isEdge($0) || $0 == 45 }
    }

    private static func isLower(_ byte: UInt8) -> Bool { (97...122).contains(byte) }
    private static func isUpper(_ byte: UInt8) -> Bool { (65...90).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
}
