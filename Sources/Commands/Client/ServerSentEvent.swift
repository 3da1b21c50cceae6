/// Assembles the messages of an event stream from its lines (HTML standard, section 9.2.6).
struct ServerSentEvent {
    struct Message: Equatable {
        var type: String
        var data: String
        var id: String
    }

    private var type = ""
    private var data: [String] = []
    private var id = ""

    /// - Returns: the message that the line completes; `nil` for a line within a message.
    mutating func append(_ line: String) -> Message? {
        if line.isEmpty {
            defer { (type, data) = ("", []) }
            guard !data.isEmpty else { return nil }
            return Message(type: type.isEmpty ? "message" : type, data: data.joined(separator: "\n"), id: id)
        }
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var value = parts.count > 1 ? String(parts[1]) : ""
        if value.hasPrefix(" ") { value.removeFirst() }
        switch parts[0] {
        case "event": type = value
        case "data": data.append(value)
        case "id": id = value
        default: break  // A comment, or a field that is not used.
        }
        return nil
    }
}
