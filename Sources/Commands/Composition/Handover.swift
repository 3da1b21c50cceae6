import Controller
import Foundation
import Processes

/// The message of a background process to the process that started it, in a file: the release has started, or why it has not.
struct Handover: Sendable {
    enum Message: Codable, Sendable {
        case started(ReleaseView)
        case refused(ErrorReport)
    }

    private let path: String
    private static let name = "message.json"

    /// `directory` must be private to this user.
    init(in directory: String) {
        path = directory + "/" + Self.name
    }

    /// `nil` until one was written.
    var message: Message? {
        FileManager.default.contents(atPath: path).flatMap { try? JSONDecoder().decode(Message.self, from: $0) }
    }

    /// Written atomically: the other process may read at any moment.
    func write(_ message: Message) throws {
        try Data(message.jsonLine().utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}

/// Reports once that a release has started.
actor StartNotice {
    private let handover: Handover
    private var isSent = false

    init(_ handover: Handover) {
        self.handover = handover
    }

    func send(_ view: ReleaseView) {
        guard !isSent else { return }
        isSent = true
        // The waiting process may have been stopped and its directory removed: the release continues.
        try? handover.write(.started(view))
    }
}
