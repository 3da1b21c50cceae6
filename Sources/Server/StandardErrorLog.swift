import Controller
import Foundation
import Glibc
import Logging
import ReleaseMachine

/// Writes log lines to standard error: `2015-10-25T14:34:03.000Z info nodeSwitched 10.122.43.70 release=blog/42 phase=switching`, or
/// JSON, one object a line.
package struct StandardErrorLog: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level
    private let isJSON: Bool

    package static func logger(isJSON: Bool, level: Logger.Level) -> Logger {
        Logger(label: "viridian") { _ in StandardErrorLog(logLevel: level, isJSON: isJSON) }
    }

    init(logLevel: Logger.Level, isJSON: Bool) {
        self.logLevel = logLevel
        self.isJSON = isJSON
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata
        if let more = event.metadata { all.merge(more) { $1 } }
        // Hummingbird's request id is in no other output.
        all["hb.request.id"] = nil
        let at = SystemClock().now.iso8601
        let line = isJSON ? json(event, at, all) : text(event, at, all)
        write(line + "\n")
    }

    private func text(_ event: LogEvent, _ at: String, _ metadata: Logger.Metadata) -> String {
        let pairs = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\(StandardErrorLog.quoted("\($0.value)"))" }
        return "\(at) \(event.level.rawValue) \("\(event.message)".safe)\(pairs.joined())"
    }

    private func json(_ event: LogEvent, _ at: String, _ metadata: Logger.Metadata) -> String {
        var fields = metadata.mapValues { "\($0)" }
        fields["at"] = at
        fields["level"] = event.level.rawValue
        fields["message"] = "\(event.message)"
        return (try? fields.jsonLine()) ?? "{}"
    }

    private static func quoted(_ value: String) -> String {
        let isPlain = !value.isEmpty && value.allSatisfy { !$0.isWhitespace && $0 != "\"" && $0 != "=" }
        guard !isPlain else { return value.safe }
        return "\"" + value.safe.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    private func write(_ line: String) {
        var rest = Array(line.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if written >= 0 { rest = rest.dropFirst(written) } else if errno != EINTR { return }
        }
    }
}
