import Foundation
import ReleaseMachine

extension Timestamp {
    /// An ISO 8601 date and time with its zone, with or without fractions of a second.
    package init?(iso8601 text: String) {
        let style = Date.ISO8601FormatStyle()
        guard text.utf8.count <= 40,
            let date = (try? style.parse(text))
                ?? (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text))
        else { return nil }
        self.init(milliseconds: Int64((date.timeIntervalSince1970 * 1000).rounded()))
    }
}

extension Duration {
    package var inSeconds: Double { Double(milliseconds) / 1000 }
}

extension Encodable {
    /// One line of JSON with sorted keys, safe for a terminal.
    package func jsonLine() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self).safeJSON
    }
}
