import AWS
import Foundation
import TestSupport
import Testing

extension AWSEnvironment {
    /// A machine with only the test's AWS settings.
    static func test(
        _ environment: [String: String] = [:], home: String = "/nonexistent", now: Date = Date(),
        pauses: Pauses = Pauses(), run: (@Sendable ([String]) async throws -> String)? = nil
    ) -> AWSEnvironment {
        var made = AWSEnvironment(
            environment: ["AWS_EC2_METADATA_DISABLED": "true"].merging(environment) { $1 }, homeDirectory: home,
            now: { now }, pause: pauses.pause, run: run)
        // The services here answer or refuse at once, however long a busy machine takes for that.
        for limit in [
            \AWSEnvironment.TimeLimits.connect, \.answer, \.containerConnect, \.instanceConnect, \.metadataAnswer,
        ] {
            made.limits[keyPath: limit] = .seconds(600)
        }
        return made
    }
}

/// Keys for servers that do not check them.
let someKeys = ["AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"]

/// A temporary folder for a test.
func withFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let path = NSTemporaryDirectory() + "viridian-aws-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

func write(_ text: String, to path: String) throws {
    let folder = (path as NSString).deletingLastPathComponent
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try text.write(toFile: path, atomically: true, encoding: .utf8)
}

/// The message of the error that an operation throws.
func words(_ operation: () async throws -> Void) async -> String {
    do {
        try await operation()
        Issue.record("there was no error")
        return ""
    } catch {
        return "\(error)"
    }
}

/// `a=1&b=2` as a dictionary.
func form(_ text: String) -> [String: String] {
    var parts = URLComponents()
    parts.percentEncodedQuery = text
    return Dictionary((parts.queryItems ?? []).map { ($0.name, $0.value ?? "") }) { first, _ in first }
}

/// `2024-01-02T03:04:05Z`
func date(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }

/// The response of STS to AssumeRole and AssumeRoleWithWebIdentity.
func assumed(_ action: String, key: String, until end: Date) -> Reply {
    .text(
        """
        <\(action)Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><\(action)Result><AssumedRoleUser>\
        <Arn>arn:aws:sts::123456789012:assumed-role/deploy/viridian</Arn></AssumedRoleUser><Credentials>\
        <AccessKeyId>\(key)</AccessKeyId><SecretAccessKey>hidden</SecretAccessKey><SessionToken>token-\(key)\
        </SessionToken><Expiration>\(end.formatted(.iso8601))</Expiration></Credentials></\(action)Result>\
        <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></\(action)Response>
        """)
}
