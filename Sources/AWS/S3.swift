import Foundation
import HTTPTransport
import XMLCoder

/// Objects in S3: existence, size, and presigned URLs for machines without credentials.
package actor S3 {
    package struct Object: Sendable, Hashable {
        package var size: Int
        /// Without quotation marks. It is the content's MD5 only for objects uploaded in one part.
        package var etag: String?
        /// The content's SHA-256 in hexadecimal digits, if it was stored at upload.
        package var sha256: String?
    }

    /// A URL that gives read access to the object. Its text is a secret until `validUntil`.
    package struct PresignedURL: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
        CustomReflectable
    {
        package var text: String
        /// S3 refuses the URL from then on. Earlier than requested when the credentials expire before.
        package var validUntil: Date
        /// `s3://bucket/key`, without secrets.
        package var description: String
        package var debugDescription: String { description }
        package var customMirror: Mirror { Mirror(self, children: []) }
    }

    private let credentials: CredentialChain
    private let configuredRegion: String?
    /// The known region of each bucket.
    private var regions: [String: String] = [:]

    private var hostEnvironment: AWSEnvironment { credentials.hostEnvironment }

    /// `region` is the first region to try for a bucket; nil: the configured region, or else us-east-1.
    /// `object` finds buckets of other regions.
    package init(region: String? = nil, credentials: CredentialChain) {
        configuredRegion = region
        self.credentials = credentials
    }

    /// Reads an object's metadata (HEAD).
    /// - Throws: `AWSError`, `AWSCredentialError`, `AWSSetupError`.
    package func object(bucket: String, key: String) async throws -> Object {
        let retry = RetryPolicy(attempts: 4, firstDelay: .milliseconds(300))
        var isRenewed = false
        var hasMoved = false
        while true {
            let region = try region(of: bucket)
            let place = try ObjectLocation(bucket: bucket, key: key, region: region, in: hostEnvironment)
            let keys = try await credentials.credentials()
            let signer = Signer(credentials: keys, region: region, service: "s3", date: hostEnvironment.now())
            let headers = signer.headers(
                Signer.Message(
                    method: "HEAD", host: place.host, path: place.path,
                    headers: [("x-amz-checksum-mode", "ENABLED")]), body: Data())
            let answer: HTTPConnection.Response
            do {
                let limit = hostEnvironment.limits.answer
                answer = try await hostEnvironment.connected(to: place.origin) { connection in
                    try await connection.send(
                        HTTPConnection.Request(
                            "HEAD", place.path, headers: .init(headers), deadline: limit, retry: retry))
                }
            } catch let error as TransportError {
                throw AWSError(
                    kind: .unreachable(error), action: "s3:GetObject", region: region, host: place.host,
                    status: nil, code: nil, message: nil, credentials: keys.description)
            }
            if answer.isSuccess { return Object(answer.headers) }
            // S3 answers 301 or 400 with the bucket's actual region.
            if let actual = answer.headers["x-amz-bucket-region"], actual != region, !hasMoved {
                regions[bucket] = actual
                hasMoved = true
                continue
            }
            if [400, 403].contains(answer.status), keys.sessionToken != nil, !isRenewed {
                // The response to a HEAD has no body that would report an expired token.
                await credentials.forget()
                isRenewed = true
                continue
            }
            throw refusal(answer, place: place, region: region, keys: keys)
        }
    }

    /// A URL for downloading the object, valid for `expires`, at most seven days. Created without a request to S3.
    /// - Throws: `AWSCredentialError`, `AWSSetupError`.
    package func presignedGET(
        bucket: String, key: String, expires: Duration = .seconds(900)
    ) async throws -> PresignedURL {
        let region = try region(of: bucket)
        let place = try ObjectLocation(bucket: bucket, key: key, region: region, in: hostEnvironment)
        let keys = try await credentials.credentials(for: expires)
        let now = hostEnvironment.now()
        let signer = Signer(credentials: keys, region: region, service: "s3", date: now)
        let query = signer.presignedQuery(Signer.Message(host: place.host, path: place.path), expires: expires)
        let end = now.addingTimeInterval(TimeInterval(min(max(expires.components.seconds, 1), 604_800)))
        return PresignedURL(
            text: place.origin + place.path + "?" + query, validUntil: min(end, keys.expiration ?? end),
            description: "s3://\(bucket)/\(key)")
    }

    /// The object's URL, with which presigned URLs begin; it gives no access by itself.
    /// - Throws: `AWSSetupError`; `AWSCredentialError` for files that cannot be read.
    package func address(bucket: String, key: String) throws -> String {
        let place = try ObjectLocation(bucket: bucket, key: key, region: try region(of: bucket), in: hostEnvironment)
        return place.origin + place.path
    }

    private func region(of bucket: String) throws -> String {
        if let known = regions[bucket] ?? configuredRegion { return known }
        return try Region.configured(in: hostEnvironment) ?? "us-east-1"
    }

    private func refusal(
        _ answer: HTTPConnection.Response, place: ObjectLocation, region: String, keys: AWSCredentials
    ) -> AWSError {
        let document = try? Decoding.xml(ErrorDocument.self, from: answer.body)
        let skew = answer.clockSkew(at: hostEnvironment.now())
        let kind = ErrorCode.kind(
            code: document?.shownCode, message: document?.shownMessage, status: answer.status, skew: skew)
        var message = document?.shownMessage
        if message == nil {
            switch answer.status {
            case 404: message = "\(place.name) does not exist"
            // Without s3:ListBucket, S3 answers 403 for missing objects too.
            case 403: message = "status 403 for \(place.name): it does not exist, or these credentials may not read it"
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
        // A multipart checksum ends in `-N` and is not the checksum of the content.
        sha256 = headers["x-amz-checksum-sha256"].flatMap { Data(base64Encoded: $0) }
            .flatMap { $0.count == 32 ? Signer.hex($0) : nil }
    }
}

/// The location of an object: with the bucket in the host name, or in the path when the endpoint is custom or the bucket's
/// name cannot be covered by a wildcard certificate.
private struct ObjectLocation {
    var origin: String
    var host: String
    var path: String
    var name: String

    init(bucket: String, key: String, region: String, in hostEnvironment: AWSEnvironment) throws {
        guard !bucket.isEmpty, bucket.utf8.allSatisfy({ Self.isBucketCharacter($0) }), !key.isEmpty else {
            throw AWSSetupError(
                "s3://\(bucket)/\(key) is not an object's address: a valid bucket name and a key are required")
        }
        let endpoint = try Endpoint.of("s3", region: region, in: hostEnvironment)
        let style =
            try SharedFiles(hostEnvironment).setting("s3.addressing_style")
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
