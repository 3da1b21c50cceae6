import Crypto
import Foundation

/// Images as files, made by hand: OCI image specification 1.1, image layout. skopeo pushes them.
package struct OCILayout: Sendable {
    /// A blob of the layout, as manifests name it.
    package struct Descriptor: Sendable, Codable {
        package var mediaType: String
        package var digest: String
        package var size: Int
        package var platform: [String: String]?
        package var annotations: [String: String]?
    }

    package let directory: String

    package init(in directory: String) throws {
        self.directory = directory
        try FileManager.default.createDirectory(
            atPath: directory + "/blobs/sha256", withIntermediateDirectories: true)
        try Data(#"{"imageLayoutVersion":"1.0.0"}"#.utf8).write(to: URL(filePath: directory + "/oci-layout"))
    }

    /// An image with one empty layer. No two are equal.
    package func image(
        labels: [String: String] = [:], annotations: [String: String] = [:], created: String? = nil,
        platform: (os: String, architecture: String) = ("linux", "amd64")
    ) throws -> Descriptor {
        let config = Config(
            created: created ?? Date().ISO8601Format(), architecture: platform.architecture, os: platform.os,
            config: .init(labels: labels, environment: ["BUILD=\(UUID().uuidString)"]),
            rootfs: .init(layers: [Self.emptyLayerContent]))
        var image = try manifest(
            config: blob(config, "application/vnd.oci.image.config.v1+json"), annotations: annotations)
        image.platform = ["os": platform.os, "architecture": platform.architecture]
        return image
    }

    /// A manifest of one empty layer with any configuration: of something that is no image, for another media type.
    package func manifest(config: Descriptor, annotations: [String: String] = [:]) throws -> Descriptor {
        let layer = try blob(Data(Self.emptyLayer), "application/vnd.oci.image.layer.v1.tar+gzip")
        return try blob(
            Manifest(
                mediaType: Self.manifestType, config: config, layers: [layer],
                annotations: annotations.isEmpty ? nil : annotations), Self.manifestType)
    }

    /// An index of several platforms.
    package func index(_ manifests: [Descriptor], annotations: [String: String] = [:]) throws -> Descriptor {
        try blob(
            Index(
                mediaType: Self.indexType, manifests: manifests, annotations: annotations.isEmpty ? nil : annotations),
            Self.indexType)
    }

    package func blob(_ content: Data, _ mediaType: String) throws -> Descriptor {
        let hash = SHA256.hash(data: content).map { String(format: "%02x", $0) }.joined()
        try content.write(to: URL(filePath: "\(directory)/blobs/sha256/\(hash)"))
        return Descriptor(mediaType: mediaType, digest: "sha256:" + hash, size: content.count)
    }

    /// What `oci:DIRECTORY` without a name means from now on.
    package func select(_ image: Descriptor) throws {
        let index = Index(mediaType: nil, manifests: [image], annotations: nil)
        try Self.json(index).write(to: URL(filePath: directory + "/index.json"))
    }

    private func blob(_ value: some Encodable, _ mediaType: String) throws -> Descriptor {
        try blob(Self.json(value), mediaType)
    }

    private static func json(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value)
    }

    private static let manifestType = "application/vnd.oci.image.manifest.v1+json"
    private static let indexType = "application/vnd.oci.image.index.v1+json"

    /// A tar archive of nothing, compressed, and the digest of what it expands to. They are the same in every registry.
    private static let emptyLayer: [UInt8] = [
        31, 139, 8, 0, 0, 9, 110, 136, 0, 255, 98, 24, 5, 163, 96, 20, 140, 88, 0, 8, 0, 0, 255, 255, 46, 175, 181, 239,
        0, 4, 0, 0,
    ]
    private static let emptyLayerContent = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

    private struct Manifest: Encodable {
        var schemaVersion = 2
        var mediaType: String
        var config: Descriptor
        var layers: [Descriptor]
        var annotations: [String: String]?
    }

    private struct Index: Encodable {
        var schemaVersion = 2
        var mediaType: String?
        var manifests: [Descriptor]
        var annotations: [String: String]?
    }

    private struct Config: Encodable {
        struct Execution: Encodable {
            var labels: [String: String]
            var environment: [String]

            private enum CodingKeys: String, CodingKey { case labels = "Labels", environment = "Env" }
        }

        struct FileSystem: Encodable {
            var type = "layers"
            var layers: [String]

            private enum CodingKeys: String, CodingKey { case type, layers = "diff_ids" }
        }

        var created: String
        var architecture: String
        var os: String
        var config: Execution
        var rootfs: FileSystem
    }
}
