import Foundation

/// Locates `viridian.yaml`.
package enum ConfigurationFile {
    package static let name = "viridian.yaml"
    static let systemFile = "/etc/viridian/viridian.yaml"

    /// The path of `viridian.yaml`: the value of `--config`, `$VIRIDIAN_CONFIG`, `./viridian.yaml`,
    /// `/etc/viridian/viridian.yaml`, in this order. A file named by the first two must exist.
    ///
    /// - Parameters:
    ///   - explicit: The value of `--config`.
    ///   - environment: The environment variables.
    ///   - workingDirectory: The base of relative paths.
    /// - Returns: An absolute path.
    /// - Throws: `ConfigurationNotFound`.
    package static func locate(
        explicit: String?,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        workingDirectory: String = FileManager.default.currentDirectoryPath
    ) throws(ConfigurationNotFound) -> String {
        try locate(
            explicit: explicit, environment: environment, workingDirectory: workingDirectory, systemFile: systemFile)
    }

    static func locate(
        explicit: String?, environment: [String: String], workingDirectory: String, systemFile: String
    ) throws(ConfigurationNotFound) -> String {
        let named = [("--config", explicit), ("$VIRIDIAN_CONFIG", environment["VIRIDIAN_CONFIG"])]
        for case (let origin, let path?) in named where !path.isEmpty {
            let absolute = absolutePath(path, from: workingDirectory)
            guard FileManager.default.fileExists(atPath: absolute) else {
                throw ConfigurationNotFound(places: [.init(path: path, origin: origin)])
            }
            return absolute
        }
        let places = [absolutePath(name, from: workingDirectory), systemFile]
        if let found = places.first(where: FileManager.default.fileExists(atPath:)) { return found }
        throw ConfigurationNotFound(places: places.map { .init(path: $0, origin: nil) })
    }
}

/// The configuration does not exist at any of the possible places.
package struct ConfigurationNotFound: Error, Sendable, Hashable {
    package struct Place: Sendable, Hashable {
        package var path: String
        /// The option or variable that names it; `nil` for a default place.
        package var origin: String?
    }

    package var places: [Place]
}

extension ConfigurationNotFound: CustomStringConvertible {
    package var description: String {
        let remedy = "`viridian init` writes one"
        if let place = places.first, let origin = place.origin {
            return "no configuration: \(place.path), named by \(origin), does not exist; \(remedy)"
        }
        return "no configuration: there is no \(alternatives(places.map(\.path))); \(remedy), --config names another"
    }
}
