import AWS
import Foundation
import TestSupport
import Testing

@Suite("AWS credentials")
struct CredentialTests {
    private func credentials(_ hostEnvironment: AWSEnvironment) async throws -> AWSCredentials {
        try await CredentialChain(hostEnvironment).credentials()
    }

    // MARK: - Environment and files

    @Test("the environment comes first")
    func environment() async throws {
        let found = try await credentials(
            .test(someKeys.merging(["AWS_SESSION_TOKEN": "t", "AWS_PROFILE": "missing"]) { $1 }))
        #expect(found.accessKeyID == "AKIAIOSFODNN7EXAMPLE")
        #expect(found.secretAccessKey == "secret")
        #expect(found.sessionToken == "t")
        #expect("\(found) \(String(reflecting: found))".contains("AKIAIOSFODNN7EXAMPLE from the environment"))
        #expect(!"\(found) \(String(reflecting: found)) \([found])".contains("secret"))
    }

    @Test("the files are read from HOME, and an invalid HOME is ignored")
    func home() async throws {
        try await withFolder { home in
            try write(
                "[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n", to: "\(home)/.aws/credentials")
            let found = try await credentials(AWSEnvironment(environment: ["HOME": home]))
            #expect(found.accessKeyID == "FILE")
            #expect(AWSEnvironment(environment: ["HOME": "~"]).homeDirectory == NSHomeDirectory())
        }
    }

    @Test("an incomplete key is an error, and no other source is tried")
    func half() async throws {
        let error = await words { _ = try await credentials(.test(["AWS_ACCESS_KEY_ID": "A"])) }
        #expect(error.contains("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not"))
        let other = await words { _ = try await credentials(.test(["AWS_SECRET_ACCESS_KEY": "A"])) }
        #expect(other.contains("AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not"))
    }

    @Test("without credentials, the error lists the sources with the reasons")
    func none() async throws {
        let error = await words { _ = try await credentials(.test()) }
        #expect(
            error
                == "there are no AWS credentials; tried environment (AWS_ACCESS_KEY_ID is not set); "
                + "web identity (AWS_WEB_IDENTITY_TOKEN_FILE is not set); shared files (neither "
                + "/nonexistent/.aws/credentials nor /nonexistent/.aws/config exists); container "
                + "(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and …_FULL_URI are not set); instance metadata "
                + "(AWS_EC2_METADATA_DISABLED is true)")
    }

    private static let credentialsFile = """
        # kept by hand
        [default]
        aws_access_key_id = AKIADEFAULT
        aws_secret_access_key=one = two   ; not part of it

        [deploy]
        aws_access_key_id=AKIADEPLOY
        aws_secret_access_key=three
        aws_session_token = token
        [empty]
        """

    @Test("profiles are read from both files, and again when the files change")
    func profiles() async throws {
        try await withFolder { home in
            let file = "\(home)/.aws/credentials"
            try write(Self.credentialsFile, to: file)
            try write(
                "[profile other]\nregion = eu-west-1\naws_access_key_id = AKIAOTHER\naws_secret_access_key = four\n",
                to: "\(home)/.aws/config")
            let chain = CredentialChain(.test(home: home))
            #expect(try await chain.credentials().accessKeyID == "AKIADEFAULT")
            #expect(try await chain.credentials().secretAccessKey == "one = two")
            let deploy = try await credentials(.test(["AWS_PROFILE": "deploy"], home: home))
            #expect(deploy.accessKeyID == "AKIADEPLOY")
            #expect(deploy.sessionToken == "token")
            #expect(deploy.source == "profile deploy of \(file)")
            let other = AWSEnvironment.test(["AWS_PROFILE": "other"], home: home)
            #expect(try await credentials(other).accessKeyID == "AKIAOTHER")
            #expect(try Region.configured(in: other) == "eu-west-1")
            #expect(try Region.configured(in: .test(["AWS_REGION": "x", "AWS_PROFILE": "other"], home: home)) == "x")

            try write(Self.credentialsFile.replacing("AKIADEFAULT", with: "AKIAROTATED"), to: file)
            #expect(try await chain.credentials().accessKeyID == "AKIAROTATED")

            try write("[default]\naws_access_key_id = A\naws_secret_access_key = B\n", to: "\(home)/elsewhere")
            let elsewhere = try await credentials(
                .test(["AWS_SHARED_CREDENTIALS_FILE": "~/elsewhere"], home: home))
            #expect(elsewhere.accessKeyID == "A")
        }
    }

    @Test(
        "an unusable profile is an error with the reason",
        arguments: [
            ("[x]\naws_access_key_id = A\n", "no aws_secret_access_key"),
            ("[y]\n", "AWS_PROFILE names it, but neither"),
            ("[x]\n", "it has no keys, no credential_process and no role"),
            ("[x]\nrole_arn = arn\n", "neither source_profile nor credential_source"),
            ("[x]\nrole_arn = arn\nsource_profile = z\n", "its source_profile z does not exist"),
            (
                "[x]\nrole_arn = arn\nsource_profile = y\n[y]\nrole_arn = arn\nsource_profile = x\n",
                "refers back to the profile"
            ),
            ("[x]\nrole_arn = arn\ncredential_source = Moon\n", "credential_source is Moon"),
            ("[x]\nrole_arn = arn\ncredential_source = Environment\n", "AWS_ACCESS_KEY_ID is not set"),
            ("[x]\nrole_arn = arn\nmfa_serial = 1\nsource_profile = y\n", "which cannot be entered here"),
            ("[x]\nsso_session = s\n", "credential_process = aws configure export-credentials --profile x"),
            ("[x]\ncredential_process = 'oops\n", "an unclosed quotation mark"),
            ("[x]\nthis is no setting\n", "line 2 is neither a [section] nor a setting"),
        ])
    func badProfiles(file: String, problem: String) async throws {
        try await withFolder { home in
            try write(file, to: "\(home)/.aws/credentials")
            let error = await words {
                _ = try await credentials(.test(["AWS_PROFILE": "x"], home: home, run: { _ in "" }))
            }
            #expect(error.contains(problem))
        }
    }

    @Test("a credential_process runs without a shell, and its keys are cached until they expire")
    func process() async throws {
        try await withFolder { home in
            try write(
                "[default]\ncredential_process = /bin/login --user 'a b' \"c\\\"d\" $HOME\n", to: "\(home)/.aws/config")
            let end = Date().addingTimeInterval(3600).formatted(.iso8601)
            let calls = Calls()
            let hostEnvironment = AWSEnvironment.test(home: home) { words in
                let number = await calls.add(words)
                return """
                    {"Version": 1, "AccessKeyId": "AKIA\(number)", "SecretAccessKey": "s", "SessionToken": "t",
                     "Expiration": "\(end)"}
                    """
            }
            let chain = CredentialChain(hostEnvironment)
            #expect(try await chain.credentials().accessKeyID == "AKIA1")
            #expect(try await chain.credentials().accessKeyID == "AKIA1")
            #expect(await calls.all == [["/bin/login", "--user", "a b", "c\"d", "$HOME"]])
            await chain.forget()
            #expect(try await chain.credentials().accessKeyID == "AKIA2")
        }
    }

    @Test(
        "a credential_process that fails or prints something else is an error",
        arguments: [
            ("nonsense", "did not print JSON"),
            (#"{"Version": 2, "AccessKeyId": "A", "SecretAccessKey": "s"}"#, "Version 2"),
        ])
    func badProcess(output: String, problem: String) async throws {
        try await withFolder { home in
            try write("[default]\ncredential_process = login\n", to: "\(home)/.aws/config")
            let error = await words { _ = try await credentials(.test(home: home, run: { _ in output })) }
            #expect(error.contains(problem))
        }
    }

    // MARK: - Roles

    @Test("a profile's role is assumed with the keys of its source")
    func role() async throws {
        let end = Date().addingTimeInterval(3600)
        try await withServer({ _, _ in assumed("AssumeRole", key: "ASIAROLE", until: end) }) { server in
            try await withFolder { home in
                try write(Self.credentialsFile, to: "\(home)/.aws/credentials")
                try write(
                    """
                    [profile prod]
                    role_arn = arn:aws:iam::123456789012:role/deploy
                    source_profile = deploy
                    external_id = ext
                    duration_seconds = 900
                    services = local
                    [services local]
                    sts =
                      endpoint_url = \(server.url)
                    """, to: "\(home)/.aws/config")
                let found = try await credentials(
                    .test(["AWS_PROFILE": "prod", "AWS_REGION": "eu-central-1"], home: home))
                #expect(found.accessKeyID == "ASIAROLE")
                #expect(found.sessionToken == "token-ASIAROLE")
                let request = try #require(await server.requests.all.first)
                let sent = form(request.body)
                #expect(sent["Action"] == "AssumeRole")
                #expect(sent["RoleArn"] == "arn:aws:iam::123456789012:role/deploy")
                #expect(sent["RoleSessionName"] == "viridian")
                #expect(sent["ExternalId"] == "ext")
                #expect(sent["DurationSeconds"] == "900")
                let authorization = try #require(request.headers["authorization"])
                #expect(authorization.contains("Credential=AKIADEPLOY/"))
                #expect(authorization.contains("/eu-central-1/sts/aws4_request"))
                #expect(request.headers["x-amz-security-token"] == "token")
            }
        }
    }

    @Test("a web identity is exchanged without a signature, and renewed before it expires")
    func webIdentity() async throws {
        let now = try date("2026-11-22T10:00:00Z")
        let clock = TestClock(now)
        try await withServer({ _, number in
            assumed(
                "AssumeRoleWithWebIdentity", key: "ASIA\(number)",
                until: now.addingTimeInterval(Double(number + 1) * 3600))
        }) { server in
            try await withFolder { home in
                try write("the.token\n", to: "\(home)/token")
                var hostEnvironment = AWSEnvironment.test([
                    "AWS_WEB_IDENTITY_TOKEN_FILE": "\(home)/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/x",
                    "AWS_ENDPOINT_URL_STS": server.url,
                ])
                hostEnvironment.now = { clock.now }
                let chain = CredentialChain(hostEnvironment)
                #expect(try await chain.credentials().accessKeyID == "ASIA0")
                clock.advance(50 * 60)
                #expect(try await chain.credentials().accessKeyID == "ASIA0")
                clock.advance(6 * 60)
                #expect(try await chain.credentials().accessKeyID == "ASIA1")
                // Required for longer than the remaining time.
                #expect(try await chain.credentials(for: .seconds(2 * 3600)).accessKeyID == "ASIA2")
                let request = try #require(await server.requests.all.first)
                #expect(form(request.body)["WebIdentityToken"] == "the.token")
                #expect(request.headers["authorization"] == nil)
            }
        }
    }

    @Test("while new credentials cannot be obtained, the old ones are used until they expire")
    func renewalFails() async throws {
        let now = try date("2026-11-22T10:00:00Z")
        let clock = TestClock(now)
        try await withServer({ _, number in
            number == 0
                ? assumed("AssumeRoleWithWebIdentity", key: "ASIA0", until: now.addingTimeInterval(3600))
                : .text(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code>"
                        + "<Message>No OpenIDConnect provider found</Message></Error></ErrorResponse>", status: 400)
        }) { server in
            try await withFolder { home in
                try write("the.token", to: "\(home)/token")
                var hostEnvironment = AWSEnvironment.test([
                    "AWS_WEB_IDENTITY_TOKEN_FILE": "\(home)/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/x",
                    "AWS_ENDPOINT_URL_STS": server.url,
                ])
                hostEnvironment.now = { clock.now }
                let chain = CredentialChain(hostEnvironment)
                _ = try await chain.credentials()
                clock.advance(58 * 60)
                #expect(try await chain.credentials().accessKeyID == "ASIA0")
                clock.advance(100)
                let error = await words { _ = try await chain.credentials() }
                #expect(error.contains("the web identity of AWS_WEB_IDENTITY_TOKEN_FILE cannot be used"))
                #expect(error.contains("InvalidIdentityToken: No OpenIDConnect provider found"))
            }
        }
    }

    // MARK: - Endpoints of containers and instances

    @Test("a container's endpoint is called with its token")
    func container() async throws {
        try await withServer({ request, _ in
            request.headers["authorization"] == "let me in"
                ? .text(
                    #"{"AccessKeyId": "ASIAC", "SecretAccessKey": "s", "Token": "t", "Expiration": "2999-01-01T00:00:00Z"}"#
                )
                : .text("no", status: 403)
        }) { server in
            try await withFolder { home in
                try write("let me in\n", to: "\(home)/token")
                let full = ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(server.url)/creds?id=1"]
                let found = try await credentials(
                    .test(full.merging(["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "\(home)/token"]) { $1 }))
                #expect(found.accessKeyID == "ASIAC")
                #expect(await server.requests.all.first?.query == ["id": "1"])
                let refused = await words { _ = try await credentials(.test(full)) }
                #expect(refused.contains("answered 403"))
            }
        }
        let far = await words {
            _ = try await credentials(.test(["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://10.0.0.1/creds"]))
        }
        #expect(far.contains("10.0.0.1 would be called without TLS"))
    }

    @Test("an instance's role is read with IMDSv2")
    func instance() async throws {
        try await withServer({ request, _ in
            switch (request.method, request.path) {
            case ("PUT", "/latest/api/token"): return .text("session")
            case _ where request.headers["x-aws-ec2-metadata-token"] != "session": return .text("", status: 401)
            case ("GET", "/latest/meta-data/iam/security-credentials/"): return .text("node-role\n")
            case ("GET", "/latest/meta-data/iam/security-credentials/node-role"):
                return .text(
                    #"{"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIAI", "SecretAccessKey": "s", "Token": "t","#
                        + #" "Expiration": "2999-01-01T00:00:00Z"}"#)
            default: return .text("", status: 404)
            }
        }) { server in
            let found = try await credentials(
                .test(["AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url]))
            #expect(found.accessKeyID == "ASIAI")
            #expect(found.source == "role node-role of this instance")
            #expect(await server.requests.all.first?.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "21600")
        }
    }

    @Test("an instance without a role and a machine without metadata are reported")
    func noInstance() async throws {
        try await withServer({ request, _ in
            request.method == "PUT" ? .text("session") : .text("", status: 404)
        }) { server in
            let error = await words {
                _ = try await credentials(
                    .test(["AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url]))
            }
            #expect(error.contains("no instance profile is attached to it"))
        }
        let port = try unusedPort()
        let error = await words {
            _ = try await credentials(
                .test([
                    "AWS_EC2_METADATA_DISABLED": "",
                    "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:\(port)",
                ]))
        }
        #expect(error.contains("instance metadata (127.0.0.1:\(port) refused the connection"))
    }
}

/// The arguments of a program's call.
private actor Calls {
    private(set) var all: [[String]] = []

    func add(_ words: [String]) -> Int {
        all.append(words)
        return all.count
    }
}
