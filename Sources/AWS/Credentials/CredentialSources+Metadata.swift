import Foundation
import HTTPTransport

/// The response of the container and instance metadata endpoints.
private struct MetadataAnswer: Decodable {
    var code: String?
    var message: String?
    var accessKeyId: String?
    var secretAccessKey: String?
    var token: String?
    var expiration: String?
}

extension CredentialSources {
    // MARK: - Containers (ECS, EKS Pod Identity)

    /// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
    func fromContainer() async throws -> CredentialFinding {
        let relative = hostEnvironment.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        guard
            let text = relative.map({ "http://169.254.170.2" + $0 })
                ?? hostEnvironment.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        else { return .absent("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and …_FULL_URI are not set") }
        let variable = relative != nil ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" : "AWS_CONTAINER_CREDENTIALS_FULL_URI"
        let place = "the container (\(variable))"
        guard let url = URLComponents(string: text), let scheme = url.scheme, let host = url.host, !host.isEmpty else {
            throw AWSCredentialError.unusable(place: place, problem: "\(text) is not a URL")
        }
        // The token must not be sent unencrypted over a network.
        guard scheme == "https" || Self.isTrustedWithoutTLS(host) else {
            throw AWSCredentialError.unusable(
                place: place,
                problem:
                    "\(host) would be called without TLS, and it is neither this machine nor the agent of ECS or EKS")
        }
        var headers = HTTPConnection.Headers(["Accept": "application/json"].map { (name: $0.key, value: $0.value) })
        if let file = hostEnvironment.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            guard let data = FileManager.default.contents(atPath: hostEnvironment.path(file)) else {
                throw AWSCredentialError.unusable(place: place, problem: "the token file \(file) cannot be read")
            }
            headers["Authorization"] = String(decoding: data, as: UTF8.self)
                .trimmingCharacters(in: .whitespacesAndNewlines)
        } else if let token = hostEnvironment.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
            headers["Authorization"] = token
        }
        let path =
            (url.percentEncodedPath.isEmpty ? "/" : url.percentEncodedPath)
            + (url.percentEncodedQuery.map { "?" + $0 } ?? "")
        let base =
            "\(scheme)://\(host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host)"
            + (url.port.map { ":\($0)" } ?? "")
        do {
            let limits = hostEnvironment.limits
            let answer = try await hostEnvironment.connected(to: base, connectTimeout: limits.containerConnect) {
                connection in
                try await connection.send(
                    HTTPConnection.Request(
                        "GET", path, headers: headers, deadline: limits.metadataAnswer, largestBody: 1 << 20,
                        retry: RetryPolicy(attempts: 3, firstDelay: .milliseconds(100))))
            }
            guard answer.isSuccess else {
                throw AWSCredentialError.unusable(place: place, problem: "\(host) answered \(answer.status)")
            }
            return .found(try credentials(answer.body, place: place))
        } catch let error as TransportError {
            throw AWSCredentialError.unusable(place: place, problem: error.description)
        }
    }

    static func isTrustedWithoutTLS(_ host: String) -> Bool {
        let bare = host.trimmingCharacters(in: ["[", "]"])
        return bare == "localhost" || bare.hasPrefix("127.") || bare == "::1"
            || ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"].contains(bare)
    }

    // MARK: - Instances (IMDSv2)

    /// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
    ///
    /// The last place, because a missing metadata service shows only as a timeout.
    func fromInstance() async throws -> CredentialFinding {
        if hostEnvironment.variable("AWS_EC2_METADATA_DISABLED")?.lowercased() == "true" {
            return .absent("AWS_EC2_METADATA_DISABLED is true")
        }
        let isIPv6 = hostEnvironment.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")?.lowercased() == "ipv6"
        let base =
            hostEnvironment.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")
            ?? (isIPv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254")
        let place = "this instance's metadata"
        do {
            let limits = hostEnvironment.limits
            return try await hostEnvironment.connected(to: base, connectTimeout: limits.instanceConnect, plain: true) {
                connection in
                func request(_ method: String, _ path: String, _ headers: HTTPConnection.Headers) async throws
                    -> HTTPConnection.Response
                {
                    try await connection.send(
                        HTTPConnection.Request(
                            method, path, headers: headers, deadline: limits.metadataAnswer, largestBody: 1 << 20,
                            retry: RetryPolicy(attempts: 2, firstDelay: .milliseconds(100))))
                }
                let granted = try await request(
                    "PUT", "/latest/api/token", ["X-aws-ec2-metadata-token-ttl-seconds": "21600"])
                guard granted.isSuccess else {
                    return .absent("\(base) gave no session token: it answered \(granted.status)")
                }
                let session = String(decoding: granted.body, as: UTF8.self)
                    .trimmingCharacters(in: .whitespacesAndNewlines)
                let list = "/latest/meta-data/iam/security-credentials/"
                let roles = try await request("GET", list, ["X-aws-ec2-metadata-token": session])
                let role = String(decoding: roles.body, as: UTF8.self).split(whereSeparator: \.isNewline).first ?? ""
                guard roles.isSuccess, !role.isEmpty else {
                    return .absent("this instance has no role: no instance profile is attached to it")
                }
                let answer = try await request(
                    "GET", list + PercentEncoding.encode(String(role)), ["X-aws-ec2-metadata-token": session])
                guard answer.isSuccess else {
                    throw AWSCredentialError.unusable(
                        place: place, problem: "role \(role): it answered \(answer.status)")
                }
                return .found(try credentials(answer.body, place: "role \(role) of this instance"))
            }
        } catch let error as TransportError {
            return .absent(error.description)
        }
    }

    private func credentials(_ body: Data, place: String) throws(AWSCredentialError) -> AWSCredentials {
        guard let answer = try? Decoding.json().decode(MetadataAnswer.self, from: body) else {
            throw .unusable(place: place, problem: "its response is not JSON")
        }
        if let code = answer.code, code != "Success" {
            throw .unusable(place: place, problem: "\(code)\(answer.message.map { ": \($0)" } ?? "")")
        }
        guard let key = answer.accessKeyId, let secret = answer.secretAccessKey else {
            throw .unusable(place: place, problem: "its response has no AccessKeyId and SecretAccessKey")
        }
        return AWSCredentials(
            accessKeyID: key, secretAccessKey: secret, sessionToken: answer.token,
            expiration: answer.expiration.flatMap { Date(awsText: $0) }, source: place)
    }
}
