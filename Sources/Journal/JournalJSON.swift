import Foundation
import ReleaseMachine

/// How values are written as JSON into columns.
enum JournalJSON {
    static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    static func event(_ row: Row) throws -> RecordedEvent { try event(row, JSONDecoder()) }

    static func event(_ row: Row, _ decoder: JSONDecoder) throws -> RecordedEvent {
        let payload: String = row["event"]
        return RecordedEvent(
            sequence: row["sequence"],
            at: Timestamp(milliseconds: row["at"]),
            event: try decoder.decode(Event.self, from: Data(payload.utf8))
        )
    }
}
