import Foundation

/// STS: temporary credentials for a role. https://docs.aws.amazon.com/STS/latest/APIReference/
struct SecurityTokenService: Sendable {
    private let hostEnvironment: AWSEnvironment

    init(_ hostEnvironment: AWSEnvironment) { self.hostEnvironment = hostEnvironment }

    private struct Answer: Decodable {
        struct Result: Decodable {
            var credentials: Keys
        }

        struct Keys: Decodable {
            var accessKeyId: String
            var secretAccessKey: String
            var sessionToken: String
            var expiration: String
        }

        var assumeRoleWithWebIdentityResult: Result?
        var assumeRoleResult: Result?
    }

    /// The token authenticates the call, so that it needs no credentials.
    func assume(
        role: String, session: String?, webIdentityToken: String, source: String
    ) async throws -> AWSCredentials {
        try await call(
            "AssumeRoleWithWebIdentity",
            [("RoleArn", role), ("RoleSessionName", session ?? Self.session), ("WebIdentityToken", webIdentityToken)],
            as: .none, source: source)
    }

    func assume(
        role: String, session: String?, externalID: String?, seconds: Int?, with credentials: AWSCredentials,
        source: String
    ) async throws -> AWSCredentials {
        var parameters = [(name: "RoleArn", value: role), (name: "RoleSessionName", value: session ?? Self.session)]
        if let externalID { parameters.append(("ExternalId", externalID)) }
        if let seconds { parameters.append(("DurationSeconds", String(seconds))) }
        return try await call("AssumeRole", parameters, as: .fixed(credentials), source: source)
    }

    /// The default session name, shown in CloudTrail.
    private static let session = "viridian"

    private func call(
        _ action: String, _ parameters: [(name: String, value: String)], as authority: QueryService.Authority,
        source: String
    ) async throws -> AWSCredentials {
        // Without a region, the global service is called, which is signed as us-east-1.
        let region = try Region.configured(in: hostEnvironment)
        var endpoint = try Endpoint.of("sts", region: region ?? "us-east-1", in: hostEnvironment)
        if region == nil, !endpoint.isCustom {
            endpoint = try Endpoint(url: "https://sts.amazonaws.com", isCustom: false)
        }
        let service = QueryService(
            service: "sts", version: "2011-06-15", region: region ?? "us-east-1", endpoint: endpoint,
            authority: authority, hostEnvironment: hostEnvironment)
        let answer = try await hostEnvironment.connected(to: endpoint.url) { connection in
            try await service.call(action, parameters, over: connection, as: Answer.self)
        }
        guard let keys = (answer.assumeRoleResult ?? answer.assumeRoleWithWebIdentityResult)?.credentials else {
            throw AWSError(
                kind: .notUnderstood, action: "sts:\(action)", region: service.region, host: endpoint.host,
                status: 200, code: nil, message: "the response has no credentials", credentials: nil)
        }
        return AWSCredentials(
            accessKeyID: keys.accessKeyId, secretAccessKey: keys.secretAccessKey, sessionToken: keys.sessionToken,
            expiration: Date(awsText: keys.expiration), source: source)
    }
}
