import Foundation

/// A manifest or an index of images: OCI image specification 1.1, and Docker's formats that it came from.
struct Manifest: Sendable, Hashable {
    var mediaType: String?
    /// The image's configuration, with its labels; `nil` in an index.
    var config: Descriptor?
    /// The manifests of an index; `nil` in a manifest.
    var manifests: [Descriptor]?
    var annotations: [String: String]

    static let mediaTypes = [
        "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]

    /// Whether it is the manifest of something that can be run; others have a configuration of another type.
    var isImage: Bool {
        manifests != nil || config.map { Self.imageConfigurations.contains($0.mediaType) } ?? false
    }

    private static let imageConfigurations = [
        "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json",
    ]

    /// Of an index: the image that its labels are read from. linux/amd64 where there is one, else the first.
    var representative: Descriptor? {
        let images = (manifests ?? []).filter { !$0.isAttestation }
        return images.first { $0.platform?.os == "linux" && $0.platform?.architecture == "amd64" } ?? images.first
    }
}

/// What a manifest says of another object.
struct Descriptor: Sendable, Hashable {
    struct Platform: Sendable, Hashable {
        var os: String
        var architecture: String
    }

    var mediaType: String
    var digest: String
    /// Bytes.
    var size: Int
    var platform: Platform?
    var annotations: [String: String]

    /// Not an image, but a statement about one, which BuildKit puts beside it:
    /// https://docs.docker.com/build/metadata/attestations/attestation-storage/
    var isAttestation: Bool {
        annotations["vnd.docker.reference.type"] != nil
            || platform.map { $0.os == "unknown" && $0.architecture == "unknown" } ?? false
    }
}

/// What an image was configured with. Only what says where it comes from.
struct ImageConfiguration: Sendable, Hashable {
    var created: String?
    var labels: [String: String]
}

// Other systems write these. What is missing or of another type than expected is as if it was not there.

extension Manifest: Decodable {
    private enum CodingKeys: CodingKey { case schemaVersion, mediaType, config, manifests, layers, annotations }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        mediaType = try? values.decode(String.self, forKey: .mediaType)
        config = try? values.decode(Descriptor.self, forKey: .config)
        manifests = try? values.decode([Descriptor].self, forKey: .manifests)
        annotations = values.texts(.annotations)
        // One that can be read both ways means different images to different readers (CVE-2021-41190).
        guard try values.decode(Int.self, forKey: .schemaVersion) == 2, (config != nil) != (manifests != nil),
            manifests == nil || !values.contains(.layers)
        else {
            throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "neither manifest nor index"))
        }
    }
}

extension Descriptor: Decodable {
    private enum CodingKeys: CodingKey { case mediaType, digest, size, platform, annotations }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        mediaType = try values.decode(String.self, forKey: .mediaType)
        digest = try values.decode(String.self, forKey: .digest)
        size = try values.decode(Int.self, forKey: .size)
        platform = try? values.decode(Platform.self, forKey: .platform)
        annotations = values.texts(.annotations)
    }
}

extension Descriptor.Platform: Decodable {}

extension ImageConfiguration: Decodable {
    private enum CodingKeys: CodingKey { case created, config }
    private enum ConfigKeys: String, CodingKey { case labels = "Labels" }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        created = try? values.decode(String.self, forKey: .created)
        labels = (try? values.nestedContainer(keyedBy: ConfigKeys.self, forKey: .config))?.texts(.labels) ?? [:]
    }
}

extension KeyedDecodingContainer {
    /// The texts of an object; what is no text in it is left out.
    fileprivate func texts(_ key: Key) -> [String: String] {
        ((try? decode([String: MaybeText].self, forKey: key)) ?? [:]).compactMapValues(\.text)
    }
}

private struct MaybeText: Decodable {
    var text: String?

    init(from decoder: any Decoder) throws { text = try? decoder.singleValueContainer().decode(String.self) }
}
