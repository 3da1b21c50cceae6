import Foundation
import Yams

/// The description of the API: `openapi.yaml`, which people edit, as the JSON that programs read.
///
/// It is written by hand, because a generated one describes types and not what they mean. Tests compare it with the routes, with the
/// types that are encoded, and with real answers.
enum OpenAPI {
    /// The whole document as JSON. Throws only when `openapi.yaml` is not YAML.
    static func document(version: String) throws -> String {
        try template.get().replacing("SERVER_VERSION", with: version)
    }

    private static let template = Result<String, any Error> {
        let yaml = String(decoding: PackageResources.openapi_yaml, as: UTF8.self)
        // Timestamps stay text, as in JSON. The encoding is given because Yams otherwise asks the environment and prints what it found.
        let document = try Yams.load(yaml: yaml, .default.removing(.timestamp), .default, .utf8) ?? [:]
        let json = try JSONSerialization.data(
            withJSONObject: document, options: [.sortedKeys, .withoutEscapingSlashes])
        return String(decoding: json, as: UTF8.self)
    }
}
