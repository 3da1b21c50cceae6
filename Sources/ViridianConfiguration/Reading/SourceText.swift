import Foundation

/// A file as it was read: its text, or why there is none.
struct SourceText {
    let source: SourceFile
    let content: Result<String, Unreadable>

    struct Unreadable: Error {
        var problem: String
    }

    init(_ source: SourceFile) {
        self.source = source
        guard let data = FileManager.default.contents(atPath: source.path) else {
            content = .failure(Unreadable(problem: Self.whyUnreadable(source.path)))
            return
        }
        content =
            String(data: data, encoding: .utf8).map { .success($0) }
            ?? .failure(Unreadable(problem: "expected text in UTF-8"))
    }

    /// Whether this text, letters only, may be a key of the file.
    func mayContain(_ text: String) -> Bool {
        // Between double quotation marks, a letter may be written as a number after a backslash.
        (try? content.get()).map { $0.contains(text) || $0.contains("\\") } ?? false
    }

    private static func whyUnreadable(_ path: String) -> String {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else { return "no such file" }
        return isDirectory.boolValue
            ? "expected a file, found a directory" : "the file cannot be read; check its permissions"
    }
}
