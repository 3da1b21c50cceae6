import Foundation
import Processes

/// Python with Amazon's own library and a server that speaks AWS's protocols. script/bootstrap installs both below
/// `.build/python`; what this machine has already does as well.
package enum Python {
    package static let reason =
        "neither .build/python nor PATH has a python3 with boto3 and moto (script/bootstrap installs them)"

    /// The interpreter that has both.
    package static func find() async -> String? {
        let own = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: ".build/python/bin/python3").path
        for candidate in [own, "python3"] {
            let check = Command(candidate, ["-c", "import boto3, moto.server"])
            if let result = try? await check.run(deadline: .seconds(60)), result.succeeded { return candidate }
        }
        return nil
    }

    package static var isThere: Bool {
        get async { await find() != nil }
    }
}
