import Foundation

/// Processes, by id, that have `text` in their arguments or in their environment, this one aside.
func processes(naming text: String) throws -> [Int32: String] {
    let files = FileManager.default
    var found: [Int32: String] = [:]
    for name in try files.contentsOfDirectory(atPath: "/proc") {
        guard let process = Int32(name), process != getpid() else { continue }
        let arguments = String(decoding: files.contents(atPath: "/proc/\(name)/cmdline") ?? Data(), as: UTF8.self)
        let environment = String(decoding: files.contents(atPath: "/proc/\(name)/environ") ?? Data(), as: UTF8.self)
        if arguments.contains(text) || environment.contains(text) {
            found[process] = arguments.replacing("\0", with: " ")
        }
    }
    return found
}

/// Polls until the condition is true.
func eventually(within limit: Duration = .seconds(60), _ condition: () async throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { return false }
        try await Task.sleep(for: .milliseconds(20))
    }
    return true
}
