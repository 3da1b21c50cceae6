import AWS
import Foundation
import HTTPTransport
import TestSupport
import Testing

@Suite("S3")
struct S3Tests {
    private static let founding = """
        import sys, json, boto3
        url = json.load(sys.stdin)['url']
        args = dict(endpoint_url=url, region_name='us-east-1', aws_access_key_id='test', aws_secret_access_key='test')
        s3 = boto3.client('s3', **args)
        s3.create_bucket(Bucket='domain-deploy')
        s3.put_object(Bucket='domain-deploy', Key='blog/20151025.143403.tgz', Body=b'x' * 12345)
        s3.put_object(Bucket='domain-deploy', Key='blog/2015+10 25/ä.tgz', Body=b'odd')
        s3.put_object(Bucket='domain-deploy', Key='empty', Body=b'')
        iam = boto3.client('iam', **args)
        iam.create_user(UserName='deploy')
        iam.put_user_policy(UserName='deploy', PolicyName='p', PolicyDocument=json.dumps({'Version': '2012-10-17',
            'Statement': [{'Effect': 'Allow', 'Action': ['s3:GetObject', 's3:ListBucket'], 'Resource': '*'}]}))
        key = iam.create_access_key(UserName='deploy')['AccessKey']
        json.dump({'AWS_ACCESS_KEY_ID': key['AccessKeyId'], 'AWS_SECRET_ACCESS_KEY': key['SecretAccessKey']}, sys.stdout)
        """

    @Test(
        "a presigned URL gives access to its object only",
        .enabled(Comment(rawValue: Python.reason)) { await Python.isThere }, .timeLimit(.minutes(10)))
    func fetching() async throws {
        try await Moto.with { moto in
            let keys = try await Python.run(Self.founding, ["url": moto.url], as: [String: String].self)
            let connection = try HTTPConnection(baseURL: moto.url)
            func fetch(_ url: String) async throws -> HTTPConnection.Response {
                try await connection.send(.init("GET", String(url.dropFirst(moto.url.count))))
            }
            let environment = keys.merging(["AWS_ENDPOINT_URL_S3": moto.url]) { $1 }
            let s3 = S3(region: "us-east-1", credentials: CredentialChain(.test(environment)))

            let key = "blog/20151025.143403.tgz"
            let url = try await s3.presignedGET(bucket: "domain-deploy", key: key, expires: .seconds(60))
            #expect("\(url) \(String(reflecting: url))" == "s3://domain-deploy/\(key) s3://domain-deploy/\(key)")
            let fetched = try await fetch(url.text)
            #expect(fetched.status == 200)
            #expect(fetched.body == Data(repeating: UInt8(ascii: "x"), count: 12345))
            let bare = try #require(url.text.split(separator: "?").first)
            #expect(try await fetch(String(bare)).status == 403)
            let odd = try await s3.presignedGET(bucket: "domain-deploy", key: "blog/2015+10 25/ä.tgz")
            #expect(odd.text.hasPrefix("\(moto.url)/domain-deploy/blog/2015%2B10%2025/%C3%A4.tgz?X-Amz-Algorithm="))
            #expect(try await fetch(odd.text).body == Data("odd".utf8))
            #expect(try await s3.object(bucket: "domain-deploy", key: "blog/2015+10 25/ä.tgz").size == 3)

            // From now on it checks signatures in headers and permissions. It cannot check signatures in URLs.
            let reset = try await connection.send(
                .init("POST", "/moto-api/reset-auth", headers: ["Content-Type": "text/plain"], body: Data("0".utf8)))
            try #require(reset.isSuccess)
            let object = try await s3.object(bucket: "domain-deploy", key: key)
            #expect(object.size == 12345)
            #expect(object.etag?.count == 32)
            #expect(try await s3.object(bucket: "domain-deploy", key: "empty").size == 0)

            let missing = await words { _ = try await s3.object(bucket: "domain-deploy", key: "blog/none.tgz") }
            #expect(missing.contains("s3://domain-deploy/blog/none.tgz does not exist"))
            let wrong = S3(
                region: "us-east-1",
                credentials: CredentialChain(.test(environment.merging(["AWS_SECRET_ACCESS_KEY": "guessed"]) { $1 })))
            let refused = await words { _ = try await wrong.object(bucket: "domain-deploy", key: key) }
            #expect(refused.contains("status 403 for s3://domain-deploy/\(key)"))
            #expect(!refused.contains("guessed"))
        }
    }

    @Test(
        "the bucket is in the host's name at AWS, and in the path elsewhere",
        arguments: [
            ([:], "domain-deploy", "us-east-1", "https://domain-deploy.s3.us-east-1.amazonaws.com/blog/1.tgz?"),
            ([:], "domain.deploy", "eu-west-1", "https://s3.eu-west-1.amazonaws.com/domain.deploy/blog/1.tgz?"),
            ([:], "domain-deploy", "cn-north-1", "https://domain-deploy.s3.cn-north-1.amazonaws.com.cn/blog/1.tgz?"),
            (
                ["AWS_ENDPOINT_URL": "http://127.0.0.1:9000"], "domain-deploy", "us-east-1",
                "http://127.0.0.1:9000/domain-deploy/blog/1.tgz?"
            ),
            (
                ["AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_S3": "https://minio.local/s3/"], "b", "x",
                "https://minio.local/s3/b/blog/1.tgz?"
            ),
        ] as [([String: String], String, String, String)])
    func places(environment: [String: String], bucket: String, region: String, url: String) async throws {
        let s3 = S3(region: region, credentials: CredentialChain(.test(someKeys.merging(environment) { $1 })))
        let presigned = try await s3.presignedGET(bucket: bucket, key: "blog/1.tgz")
        #expect(presigned.text.hasPrefix(url))
        #expect(presigned.text.contains("%2F\(region)%2Fs3%2Faws4_request"))
    }

    @Test("a URL is valid no longer than its credentials")
    func validity() async throws {
        let now = try date("2026-11-22T10:00:00Z")
        let chain = CredentialChain(.test(someKeys, now: now))
        let url = try await S3(credentials: chain).presignedGET(bucket: "b", key: "k", expires: .seconds(60))
        #expect(url.validUntil == now.addingTimeInterval(60))
        #expect(url.text.contains("X-Amz-Expires=60&"))

        try await withServer({ _, _ in
            assumed("AssumeRoleWithWebIdentity", key: "ASIA", until: now.addingTimeInterval(900))
        }) { server in
            try await withFolder { home in
                try write("t", to: "\(home)/token")
                let chain = CredentialChain(
                    .test(
                        [
                            "AWS_WEB_IDENTITY_TOKEN_FILE": "\(home)/token", "AWS_ROLE_ARN": "r",
                            "AWS_ENDPOINT_URL_STS": server.url,
                        ], now: now))
                let url = try await S3(credentials: chain).presignedGET(bucket: "b", key: "k", expires: .seconds(3600))
                #expect(url.validUntil == now.addingTimeInterval(900))
                #expect(url.text.contains("X-Amz-Security-Token=token-ASIA&"))
            }
        }
    }

    @Test("a bucket of another region is found, and its region is cached")
    func otherRegion() async throws {
        try await withServer({ request, _ in
            request.headers["authorization"]?.contains("/eu-west-1/s3/") == true
                ? Reply(status: 200, headers: ["ETag": "\"e\""], steps: [.write("abc")])
                : Reply(status: 301, headers: ["x-amz-bucket-region": "eu-west-1"])
        }) { server in
            let s3 = S3(
                region: "us-east-1",
                credentials: CredentialChain(.test(someKeys.merging(["AWS_ENDPOINT_URL_S3": server.url]) { $1 })))
            let object = try await s3.object(bucket: "b", key: "k")
            #expect(object.etag == "e")
            let url = try await s3.presignedGET(bucket: "b", key: "k")
            #expect(url.text.contains("%2Feu-west-1%2Fs3"))
            #expect(await server.requests.all.map(\.method) == ["HEAD", "HEAD"])
        }
    }

    @Test("an invalid address of an object is refused before any call", arguments: ["", "a b", "a/b", "ä"])
    func names(bucket: String) async throws {
        let s3 = S3(credentials: CredentialChain(.test(someKeys)))
        let error = await words { _ = try await s3.presignedGET(bucket: bucket, key: "k") }
        #expect(error.contains("is not an object's address"))
    }
}
