import Foundation
import Processes

/// Python with other people's libraries, such as Amazon's own and a server that speaks AWS's protocols. script/bootstrap installs
/// them below `.build/python`; what this machine has already does as well.
package enum Python {
    package static let reason =
        "neither .build/python nor PATH has a python3 with boto3 and moto (script/bootstrap installs them)"

    /// The interpreter that has all of these modules.
    package static func find(_ modules: String = "boto3, moto.server") async -> String? {
        for candidate in [file(".build/python/bin/python3"), "python3"] {
            let check = Command(candidate, ["-c", "import \(modules)"])
            if let result = try? await check.run(deadline: .seconds(60)), result.succeeded { return candidate }
        }
        return nil
    }

    /// A program that came with a library, beside the interpreter or on `PATH`.
    package static func program(_ name: String) -> String? {
        [file(".build/python/bin/" + name), name].lazy.compactMap { Executable.find($0) }.first
    }

    package static var isThere: Bool {
        get async { await find() != nil }
    }

    /// A program of `Tests/Oracles`.
    package static func oracle(_ name: String) -> String { file("Tests/Oracles/\(name)") }

    private static func file(_ path: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: path).path
    }
}
