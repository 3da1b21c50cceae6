import AWS
import Controller
import Fleet
import Foundation
import ReleaseMachine
import ViridianConfiguration

/// Makes the plans by which nodes fetch an app's artifact.
struct NodeArtifacts: Sendable {
    private struct PlanKey: Hashable, Sendable {
        var version: String
        var release: Int
    }

    private let app: AppConfiguration
    private let storage: S3
    private let plans = MemoizedResult<PlanKey, ArtifactPlan>()
    /// How long a presigned URL is valid: staging retries, and nodes fetch one after the other.
    private static let validity = Duration.seconds(3600)

    init(app: AppConfiguration, storage: S3 = S3(credentials: .standard)) {
        self.app = app
        self.storage = storage
    }

    /// The plan for a version, made once for all nodes of a release; `nil` for an app without artifact.
    /// - Throws: `Refusal` with the error of S3; `AWSError` where a retry may help; `CancellationError`.
    func plan(_ version: String, release: Int) async throws -> ArtifactPlan? {
        guard let artifact = app.artifact else { return nil }
        return try await plans.value(for: PlanKey(version: version, release: release)) {
            do {
                return try await make(artifact, try Version(version))
            } catch let error as CancellationError {
                throw error
            } catch let error as AWSError where error.isTemporary {
                throw error
            } catch {
                throw Refusal("the artifact of \(app.name) \(version): \(error)")
            }
        }
    }

    private func make(_ artifact: AppConfiguration.Artifact, _ version: Version) async throws -> ArtifactPlan {
        let source = artifact.source(app: app.name, version: version)
        var checksum = try await artifact.checksum(app: app.name, version: version).asyncMap(self.checksum)
        var size: Int?
        let from: ArtifactPlan.Source
        if let object = S3Address(source) {
            let seen = try await storage.object(bucket: object.bucket, key: object.key)
            size = seen.size
            checksum = checksum ?? seen.sha256.map { .sha256($0) }
            from = .url(try await presigned(object))
        } else {
            from = source.hasPrefix("/") ? .file(source) : .url(source)
        }
        return ArtifactPlan(from, checksum: checksum, size: size, keep: artifact.keep, timeout: artifact.timeout)
    }

    private func checksum(_ text: String) async throws -> ArtifactPlan.Checksum {
        if let object = S3Address(text) { return .url(try await presigned(object)) }
        guard text.hasPrefix("/") else { return text.hasPrefix("https://") ? .url(text) : .sha256(text) }
        let content = try String(contentsOfFile: text, encoding: .utf8)
        let digits = content.prefix { $0.isASCII && $0.isHexDigit }
        guard digits.count == 64 else { throw Refusal("\(text) does not start with a SHA-256 checksum") }
        return .sha256(digits.lowercased())
    }

    private func presigned(_ object: S3Address) async throws -> String {
        try await storage.presignedGET(bucket: object.bucket, key: object.key, expires: Self.validity).text
    }
}

/// `s3://bucket/key`
private struct S3Address {
    var bucket: String
    var key: String

    init?(_ text: String) {
        guard text.hasPrefix("s3://") else { return nil }
        let parts = text.dropFirst(5).split(separator: "/", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        (bucket, key) = (String(parts[0]), String(parts[1]))
    }
}

extension Optional {
    fileprivate func asyncMap<T>(_ body: (Wrapped) async throws -> T) async throws -> T? {
        guard let self else { return nil }
        return try await body(self)
    }
}
