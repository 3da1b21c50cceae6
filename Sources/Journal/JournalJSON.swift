import Foundation
import ReleaseMachine

/// How values are written as JSON into columns.
enum JournalJSON {
    static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    static func event(_ row: Row) throws -> RecordedEvent {
        let payload: String = row["event"]
        return RecordedEvent(
            sequence: row["sequence"],
            at: Timestamp(milliseconds: row["at"]),
            event: try JSONDecoder().decode(Event.self, from: Data(payload.utf8))
        )
    }
}
