import Controller
import Foundation
import Processes

/// What a process that runs a release in the background tells the one that started it, in a file that both know: that the release has
/// begun, or why it has not.
struct Handover: Sendable {
    enum Word: Codable, Sendable {
        case begun(ReleaseView)
        case refused(Complaint)
    }

    private let path: String
    private static let name = "word.json"

    /// In a directory that is nobody else's.
    init(in directory: String) {
        path = directory + "/" + Self.name
    }

    /// What was said; `nil` until something is.
    var word: Word? {
        FileManager.default.contents(atPath: path).flatMap { try? JSONDecoder().decode(Word.self, from: $0) }
    }

    /// Whole or not at all: the other process may look at any moment.
    func say(_ word: Word) throws {
        try Data(word.jsonLine().utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}

/// Says that a release has begun, once.
actor Beginning {
    private let handover: Handover
    private var isSaid = false

    init(_ handover: Handover) {
        self.handover = handover
    }

    func say(_ view: ReleaseView) {
        guard !isSaid else { return }
        isSaid = true
        // Who waited for it may have been stopped, and its directory be gone: the release goes on.
        try? handover.say(.begun(view))
    }
}
