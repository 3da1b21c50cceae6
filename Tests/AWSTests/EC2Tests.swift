import AWS
import Foundation
import HTTPTransport
import TestSupport
import Testing

@Suite("EC2")
struct EC2Tests {
    /// 100 running instances one by one, so that they come in pages, with addresses of this machine; and others.
    private static let founding = """
        import sys, json, boto3
        url = json.load(sys.stdin)['url']
        args = dict(endpoint_url=url, region_name='us-east-1', aws_access_key_id='test', aws_secret_access_key='test')
        ec2 = boto3.client('ec2', **args)
        vpc = ec2.create_vpc(CidrBlock='127.0.0.0/16')['Vpc']['VpcId']
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock='127.0.1.0/24')['Subnet']['SubnetId']
        image = ec2.describe_images(Owners=['amazon'])['Images'][0]['ImageId']
        def run(address, **tags):
            tagged = [{'Key': k.replace('_', ':'), 'Value': v} for k, v in tags.items()]
            return ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet, PrivateIpAddress=address,
                TagSpecifications=[{'ResourceType': 'instance', 'Tags': tagged}])['Instances'][0]['InstanceId']
        for number in range(1, 101):
            run('127.0.1.%d' % (number + 3), role='kubernetes-node', env='prod', Name='node-%d' % number)
        stopped = run('127.0.1.200', role='kubernetes-node', env='prod', Name='stopped')
        ec2.stop_instances(InstanceIds=[stopped])
        run('127.0.1.201', role='kubernetes-node', env='dev', Name='other')
        run('127.0.1.202', role='database', env='prod', Name='odd&<tags>')
        iam = boto3.client('iam', **args)
        def user(name, action):
            iam.create_user(UserName=name)
            iam.put_user_policy(UserName=name, PolicyName='p', PolicyDocument=json.dumps(
                {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': action, 'Resource': '*'}]}))
            key = iam.create_access_key(UserName=name)['AccessKey']
            return {'key': key['AccessKeyId'], 'secret': key['SecretAccessKey']}
        json.dump({'deploy': user('deploy', 'ec2:DescribeInstances'), 'other': user('other', 's3:GetObject')}, sys.stdout)
        """

    struct Keys: Codable, Sendable {
        var key: String
        var secret: String

        var environment: [String: String] { ["AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret] }
    }

    private func instances(
        _ moto: Moto, _ environment: [String: String], tags: [String: String], pageSize: Int = 1000
    ) async throws -> [EC2.Instance] {
        try await EC2(
            region: "us-east-1", endpoint: URL(string: moto.url),
            credentials: CredentialChain(.test(environment)), pageSize: pageSize
        ).runningInstances(tags: tags)
    }

    @Test(
        "instances are found by their tags, over several pages, and only with the right signature",
        .enabled(Comment(rawValue: Python.reason)) { await Python.isThere }, .timeLimit(.minutes(10)))
    func moto() async throws {
        try await Moto.with { moto in
            let users = try await Python.run(Self.founding, ["url": moto.url], as: [String: Keys].self)
            let deploy = try #require(users["deploy"])
            let other = try #require(users["other"])
            // From now on it checks signatures and permissions.
            let connection = try HTTPConnection(baseURL: moto.url)
            let reset = try await connection.send(
                .init("POST", "/moto-api/reset-auth", headers: ["Content-Type": "text/plain"], body: Data("0".utf8)))
            await connection.shutdown()
            try #require(reset.isSuccess)

            let expected = Set((1...100).map { "127.0.1.\($0 + 3)" })
            let all = try await instances(
                moto, deploy.environment, tags: ["role": "kubernetes-node", "env": "prod"], pageSize: 30)
            #expect(Set(all.compactMap(\.privateAddress)) == expected)
            #expect(all.count == 100)
            #expect(all.allSatisfy { $0.isRunning })
            let ids = all.map(\.id)
            #expect(ids == ids.sorted())
            let roles = Set(all.map { $0.tags["role"] })
            #expect(roles == ["kubernetes-node"])
            let first = try #require(all.first)
            #expect(first.publicAddress != first.privateAddress)

            #expect(try await instances(moto, deploy.environment, tags: ["role": "kubernetes-*"]).count == 101)
            #expect(try await instances(moto, deploy.environment, tags: ["Name": "odd&<tags>"]).count == 1)
            #expect(try await instances(moto, deploy.environment, tags: ["role": "nothing"]).count == 0)

            let wrong = await words {
                _ = try await instances(
                    moto, ["AWS_ACCESS_KEY_ID": deploy.key, "AWS_SECRET_ACCESS_KEY": "guessed"], tags: ["role": "x"])
            }
            #expect(wrong.contains("does not accept the credentials (access key \(deploy.key) from the environment)"))
            #expect(!wrong.contains("guessed"))

            let unknown = await words {
                _ = try await instances(
                    moto, ["AWS_ACCESS_KEY_ID": "AKIANOBODY0000000000", "AWS_SECRET_ACCESS_KEY": "guessed"],
                    tags: ["role": "x"])
            }
            #expect(unknown.contains("does not accept the credentials"))

            let forbidden = await words { _ = try await instances(moto, other.environment, tags: ["role": "x"]) }
            #expect(forbidden.contains("AWS does not allow ec2:DescribeInstances"))
            #expect(forbidden.contains("; allow ec2:DescribeInstances in the policy"))
        }
    }

    // MARK: - Refusals

    private static func refusal(_ code: String, _ message: String, status: Int, headers: [String: String] = [:])
        -> Reply
    {
        .text(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <Response><Errors><Error><Code>\(code)</Code><Message>\(message)</Message></Error></Errors>\
            <RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>
            """, status: status)
    }

    private static func page(_ addresses: [String], next: String? = nil) -> Reply {
        let items = addresses.enumerated().map { number, address in
            "<item><reservationId>r-\(number)</reservationId><instancesSet><item><instanceId>i-\(address)</instanceId>"
                + "<instanceState><code>16</code><name>running</name></instanceState>"
                + "<privateIpAddress>\(address)</privateIpAddress></item></instancesSet></item>"
        }.joined()
        return .text(
            "<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>1</requestId>"
                + "<reservationSet>\(items)</reservationSet>"
                + (next.map { "<nextToken>\($0)</nextToken>" } ?? "<nextToken/>") + "</DescribeInstancesResponse>")
    }

    private func ask(
        _ hostEnvironment: AWSEnvironment, _ server: ScriptedServer
    ) async throws -> [EC2.Instance] {
        try await EC2(
            region: "us-east-1", endpoint: URL(string: server.url), credentials: CredentialChain(hostEnvironment)
        )
        .runningInstances(tags: ["role": "kubernetes-node"])
    }

    @Test("all pages of a list are read, each request signed separately")
    func pages() async throws {
        try await withServer({ request, number in
            switch form(request.body)["NextToken"] {
            case nil: Self.page(["10.0.0.1"], next: "a/b+c=")
            case "a/b+c="?: Self.page([], next: "third")
            default: Self.page(["10.0.0.2", "10.0.0.3"])
            }
        }) { server in
            let found = try await ask(.test(someKeys), server)
            #expect(found.map(\.privateAddress) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"])
            let requests = await server.requests.all
            #expect(requests.count == 3)
            #expect(Set(requests.compactMap { $0.headers["authorization"] }).count == 3)
            let first = try #require(requests.first)
            #expect(form(first.body)["Filter.1.Name"] == "instance-state-name")
            #expect(form(first.body)["Filter.2.Name"] == "tag:role")
            #expect(form(first.body)["Filter.2.Value.1"] == "kubernetes-node")
        }
    }

    @Test("an endless list is aborted")
    func circle() async throws {
        try await withServer({ _, _ in Self.page(["10.0.0.1"], next: "again") }) { server in
            let error = await words { _ = try await ask(.test(someKeys), server) }
            #expect(error.contains("the page token again was returned twice"))
        }
    }

    @Test("throttled calls are retried with increasing delays")
    func throttled() async throws {
        let pauses = Pauses()
        try await withServer({ _, number in
            number < 3
                ? Self.refusal("RequestLimitExceeded", "Request limit exceeded.", status: 503)
                : Self.page(["10.0.0.1"])
        }) { server in
            #expect(try await ask(.test(someKeys, pauses: pauses), server).count == 1)
            let waited = await pauses.all
            try #require(waited.count == 3)
            #expect((200...400).contains(waited[0] / .milliseconds(1)))
            #expect((400...800).contains(waited[1] / .milliseconds(1)))
            #expect((800...1600).contains(waited[2] / .milliseconds(1)))
        }
    }

    @Test("endless throttling is reported with the number of attempts")
    func alwaysThrottled() async throws {
        try await withServer({ _, _ in
            Self.refusal("Throttling", "Rate exceeded", status: 400)
        }) { server in
            let error = await words { _ = try await ask(.test(someKeys), server) }
            #expect(error.contains("AWS was too busy for ec2:DescribeInstances in us-east-1 in 6 attempts"))
            #expect(error.contains("Throttling: Rate exceeded"))
            #expect(await server.requests.all.count == 6)
        }
    }

    @Test(
        "every refusal has the cause and the fix",
        arguments: [
            ("RequestExpired", 400, "clock is"), ("ExpiredToken", 400, "sign in again"),
            ("UnauthorizedOperation", 403, "; allow ec2:DescribeInstances in the policy"),
            ("AuthFailure", 401, "check that the key is active"),
            ("OptInRequired", 401, "the account has us-east-1 enabled"),
            ("InvalidParameterValue", 400, "AWS refused ec2:DescribeInstances in us-east-1: InvalidParameterValue"),
        ])
    func refused(code: String, status: Int, advice: String) async throws {
        try await withServer({ _, _ in Self.refusal(code, "In AWS&apos;s words.", status: status) }) { server in
            let error = await words { _ = try await ask(.test(someKeys), server) }
            #expect(error.contains(advice))
            #expect(error.contains("\(code): In AWS's words."))
            // Only temporary errors are retried.
            #expect(await server.requests.all.count == (code == "ExpiredToken" ? 2 : 1))
        }
    }

    @Test("a wrong clock is detected by the date of the response")
    func clock() async throws {
        // The server's responses have the correct time.
        let now = Date().addingTimeInterval(-42 * 60)
        try await withServer({ _, _ in
            Self.refusal(
                "AuthFailure", "AWS was not able to validate the provided access credentials", status: 401)
        }) { server in
            let error = await words { _ = try await ask(.test(someKeys, now: now), server) }
            #expect(error.contains("this machine's clock is 42 min behind AWS's"))
        }
    }

    @Test("an HTML page is reported as an invalid response", arguments: [500, 200, 404])
    func html(status: Int) async throws {
        try await withServer({ _, _ in
            .text("<html><body><h1>Proxy</h1></body></html>", status: status, headers: ["Content-Type": "text/html"])
        }) { server in
            let error = await words { _ = try await ask(.test(someKeys), server) }
            #expect(error.contains("text/html"))
            #expect(error.contains("<h1>Proxy</h1>"))
        }
    }

    @Test("a host that does not respond is reported after several attempts")
    func unreachable() async throws {
        let port = try unusedPort()
        let pauses = Pauses()
        let error = await words {
            _ = try await EC2(
                region: "us-east-1", endpoint: URL(string: "http://127.0.0.1:\(port)"),
                credentials: CredentialChain(.test(someKeys, pauses: pauses))
            ).runningInstances(tags: ["role": "x"])
        }
        #expect(error.contains("ec2:DescribeInstances did not reach AWS"))
        #expect(await pauses.all.count == 5)
    }

    @Test("an endlessly nested response is refused without a crash")
    func deepAnswer() async throws {
        for element in ["a", "Response", "reservationSet"] {
            let deep = String(repeating: "<\(element)>", count: 100_000)
            try await withServer({ _, number in .text(deep, status: number == 0 ? 200 : 400) }) { server in
                let ec2 = try EC2(
                    region: "us-east-1", endpoint: URL(string: server.url),
                    credentials: CredentialChain(.test(someKeys)))
                for _ in 0..<2 {
                    let said = await words { _ = try await ec2.runningInstances(tags: [:]) }
                    #expect(said.contains("ec2:DescribeInstances"), "\(said)")
                }
            }
        }
    }

    @Test("comments, quoted brackets and empty elements are not levels")
    func levels() async throws {
        let noise = String(repeating: "<!-- <a> --><b x='>'/><![CDATA[<c>]]><?d <e>?>", count: 200)
        let answer = """
            <?xml version="1.0"?><DescribeInstancesResponse><requestId>\(noise)</requestId><reservationSet>\
            </reservationSet></DescribeInstancesResponse>
            """
        try await withServer({ _, _ in .text(answer) }) { server in
            let ec2 = try EC2(
                region: "us-east-1", endpoint: URL(string: server.url), credentials: CredentialChain(.test(someKeys)))
            #expect(try await ec2.runningInstances(tags: [:]) == [])
        }
    }

    @Test("AWS is called through the environment's proxy, instance metadata directly")
    func proxy() async throws {
        try await withServer({ _, _ in
            .text("<DescribeInstancesResponse><reservationSet></reservationSet></DescribeInstancesResponse>")
        }) { server in
            let port = server.port
            try await withConnectProxy(to: { $0 == "ec2.example:80" ? port : nil }) { proxy in
                let environment = someKeys.merging(["http_proxy": "127.0.0.1:\(proxy.port)"]) { $1 }
                let ec2 = try EC2(
                    region: "us-east-1", endpoint: URL(string: "http://ec2.example"),
                    credentials: CredentialChain(.test(environment)))
                #expect(try await ec2.runningInstances(tags: [:]) == [])
                var asked = await proxy.asked.all.count
                #expect(asked == 1)
                // Only instance credentials, which test machines do not have.
                for variables in [
                    ["AWS_EC2_METADATA_DISABLED": "false"],
                    ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"],
                ] {
                    let machine = ["http_proxy": "127.0.0.1:\(proxy.port)"].merging(variables) { $1 }
                    _ = try? await CredentialChain(.test(machine)).credentials()
                }
                asked = await proxy.asked.all.count
                #expect(asked == 1)
            }
        }
    }
}
