import Foundation
import HTTPTransport
import XMLCoder

/// Objects in S3: whether one is there, how large it is, and a URL by which a machine without credentials can fetch it.
package actor S3 {
    package struct Object: Sendable, Hashable {
        package var size: Int
        /// Without its quotation marks. The MD5 of the content only for objects that were uploaded in one piece.
        package var etag: String?
        /// The SHA-256 of the content in hexadecimal digits, where the uploader had S3 keep it.
        package var sha256: String?
    }

    /// A URL that whoever has it may fetch the object by. Its text is a secret until then.
    package struct PresignedURL: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
        CustomReflectable
    {
        package var text: String
        /// From then on S3 refuses it. Earlier than was asked for when the credentials end before that.
        package var validUntil: Date
        /// `s3://bucket/key`, which tells nothing that is worth hiding.
        package var description: String
        package var debugDescription: String { description }
        package var customMirror: Mirror { Mirror(self, children: []) }
    }

    private let credentials: CredentialChain
    private let configuredRegion: String?
    /// Buckets are found in a region by asking, and stay there.
    private var regions: [String: String] = [:]

    private var surroundings: AWSSurroundings { credentials.surroundings }

    /// `region` is where buckets are looked for first; `nil` is what the environment and the profile say, and else
    /// us-east-1. A bucket of another region is found there by `object`.
    package init(region: String? = nil, credentials: CredentialChain) {
        configuredRegion = region
        self.credentials = credentials
    }

    /// Looks whether an object is there.
    /// - Throws: `AWSError`, `AWSCredentialError`, `AWSSetupError`.
    package func object(bucket: String, key: String) async throws -> Object {
        let retry = RetryPolicy(attempts: 4, firstDelay: .milliseconds(300))
        var isRenewed = false
        var hasMoved = false
        while true {
            let region = try region(of: bucket)
            let place = try Place(bucket: bucket, key: key, region: region, in: surroundings)
            let keys = try await credentials.credentials()
            let signer = Signer(credentials: keys, region: region, service: "s3", date: surroundings.now())
            let headers = signer.headers(
                Signer.Message(
                    method: "HEAD", host: place.host, path: place.path,
                    headers: [("x-amz-checksum-mode", "ENABLED")]), body: Data())
            let answer: HTTPConnection.Response
            do {
                answer = try await surroundings.connected(to: place.origin) { connection in
                    try await connection.send(
                        HTTPConnection.Request(
                            "HEAD", place.path, headers: .init(headers), deadline: .seconds(20), retry: retry))
                }
            } catch let error as TransportError {
                throw AWSError(
                    kind: .unreachable(error), action: "s3:GetObject", region: region, host: place.host,
                    status: nil, code: nil, message: nil, credentials: keys.description)
            }
            if answer.isSuccess { return Object(answer.headers) }
            // 301 or 400, and the region where the bucket really is.
            if let actual = answer.headers["x-amz-bucket-region"], actual != region, !hasMoved {
                regions[bucket] = actual
                hasMoved = true
                continue
            }
            if [400, 403].contains(answer.status), keys.sessionToken != nil, !isRenewed {
                // A HEAD has no body to say that the token has expired.
                await credentials.forget()
                isRenewed = true
                continue
            }
            throw refusal(answer, place: place, region: region, keys: keys)
        }
    }

    /// A URL to fetch the object by, made without asking AWS for anything but credentials. It may be used for the next
    /// `expires`, at most seven days.
    /// - Throws: `AWSCredentialError`, `AWSSetupError`.
    package func presignedGET(
        bucket: String, key: String, expires: Duration = .seconds(900)
    ) async throws -> PresignedURL {
        let region = try region(of: bucket)
        let place = try Place(bucket: bucket, key: key, region: region, in: surroundings)
        let keys = try await credentials.credentials(for: expires)
        let now = surroundings.now()
        let signer = Signer(credentials: keys, region: region, service: "s3", date: now)
        let query = signer.presignedQuery(Signer.Message(host: place.host, path: place.path), expires: expires)
        let end = now.addingTimeInterval(TimeInterval(min(max(expires.components.seconds, 1), 604_800)))
        return PresignedURL(
            text: place.origin + place.path + "?" + query, validUntil: min(end, keys.expiration ?? end),
            description: "s3://\(bucket)/\(key)")
    }

    /// Where an object is, as presigned URLs begin; by itself it opens nothing.
    /// - Throws: `AWSSetupError`, `AWSCredentialError` for files that cannot be read.
    package func address(bucket: String, key: String) throws -> String {
        let place = try Place(bucket: bucket, key: key, region: try region(of: bucket), in: surroundings)
        return place.origin + place.path
    }

    private func region(of bucket: String) throws -> String {
        if let known = regions[bucket] ?? configuredRegion { return known }
        return try Region.configured(in: surroundings) ?? "us-east-1"
    }

    private func refusal(
        _ answer: HTTPConnection.Response, place: Place, region: String, keys: AWSCredentials
    ) -> AWSError {
        let document = try? Decoding.xml(ErrorDocument.self, from: answer.body)
        let skew = answer.clockSkew(at: surroundings.now())
        let kind = ErrorCode.kind(
            code: document?.shownCode, message: document?.shownMessage, status: answer.status, skew: skew)
        var message = document?.shownMessage
        if message == nil {
            switch answer.status {
            case 404: message = "\(place.name) does not exist"
            // Without s3:ListBucket, S3 does not tell what is missing from what is forbidden.
            case 403: message = "status 403 for \(place.name): it is not there, or these credentials may not read it"
            default: message = "status \(answer.status) for \(place.name)"
            }
        }
        return AWSError(
            kind: kind, action: "s3:GetObject", region: region, host: place.host, status: answer.status,
            code: document?.shownCode, message: message, credentials: keys.description)
    }
}

extension S3.Object {
    init(_ headers: HTTPConnection.Headers) {
        size = headers["Content-Length"].flatMap { Int($0) } ?? 0
        etag = headers["ETag"]?.trimmingCharacters(in: ["\""])
        // A checksum of parts has `-N` at its end, and says nothing about the whole.
        sha256 = headers["x-amz-checksum-sha256"].flatMap { Data(base64Encoded: $0) }
            .flatMap { $0.count == 32 ? Signer.hex($0) : nil }
    }
}

/// Where an object is: with the bucket in the host's name, or in the path where the host is not AWS's own or the name
/// could not be part of a certificate's.
private struct Place {
    var origin: String
    var host: String
    var path: String
    var name: String

    init(bucket: String, key: String, region: String, in surroundings: AWSSurroundings) throws {
        guard !bucket.isEmpty, bucket.utf8.allSatisfy({ Self.isBucketCharacter($0) }), !key.isEmpty else {
            throw AWSSetupError("s3://\(bucket)/\(key) names no object: a bucket and a key are needed")
        }
        let endpoint = try Endpoint.of("s3", region: region, in: surroundings)
        let style =
            try SharedFiles(surroundings).setting("s3.addressing_style")
            ?? (endpoint.isCustom || bucket.contains(".") || bucket.utf8.contains(UInt8(ascii: "_"))
                ? "path" : "virtual")
        let encoded = key.split(separator: "/", omittingEmptySubsequences: false)
            .map { PercentEncoding.encode(String($0)) }.joined(separator: "/")
        name = "s3://\(bucket)/\(key)"
        let scheme = endpoint.url.hasPrefix("http://") ? "http://" : "https://"
        if style == "path" {
            host = endpoint.host
            path = "\(endpoint.path)/\(bucket)/\(encoded)"
        } else {
            host = "\(bucket).\(endpoint.host)"
            path = "\(endpoint.path)/\(encoded)"
        }
        origin = scheme + host
    }

    private static func isBucketCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: ".-_".utf8.contains(byte)
        }
    }
}
