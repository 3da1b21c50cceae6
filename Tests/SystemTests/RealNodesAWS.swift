import Foundation
import Processes
import TestSupport

/// A local AWS for nodes and artifacts, on a free port: instances with tags, a bucket, and an account that may
/// list instances and read the bucket. Every signature, in URLs too, and every right is checked.
struct RealNodesAWS: Sendable {
    /// The contents.
    struct Stock: Encodable, Sendable {
        /// Addresses of running instances of production.
        var nodes: [String] = []
        /// Of instances with the same tags that are stopped.
        var stopped: [String] = []
        /// Of running instances that are not of production.
        var others: [String] = []
        /// Files of this machine by their keys in the bucket.
        var objects: [String: String] = [:]
        /// Keys that the account may not read.
        var denied: [String] = []
    }

    let url: String
    let key: String
    private let secret: String
    private let notes: Notes

    /// The number of instances on each page of a list, in the order of the requests.
    var pages: [Int] { get async { await notes.pages } }
    /// The paths of requests with presigned URLs; `nil` for a wrong signature.
    var fetched: [String?] { get async { await notes.fetched } }

    var inventory: String {
        "inventory: ec2\n  ec2: {region: us-east-1, tags: {role: kubernetes-node, env: prod}, endpoint: \"\(url)\"}"
    }

    /// Writes the account's keys, or others, to files in the home directory of a world's program.
    func signIn(_ world: World, secret: String? = nil) throws {
        let directory = world.directory + "/home/.aws"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try world.write(
            "[default]\naws_access_key_id = \(key)\naws_secret_access_key = \(secret ?? self.secret)\n",
            to: "home/.aws/credentials")
        try world.write("[default]\nregion = us-east-1\nendpoint_url = \(url)\n", to: "home/.aws/config")
    }

    // MARK: - The server

    struct Failed: Error, CustomStringConvertible {
        var description: String
    }

    static func with<Value: Sendable>(
        _ stock: Stock, _ body: @escaping @Sendable (RealNodesAWS) async throws -> Value
    ) async throws -> Value {
        guard let python = await Python.find() else { throw Failed(description: Python.reason) }
        let text = String(decoding: try JSONEncoder().encode(stock), as: UTF8.self)
        let environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("AWS_") }
        let notes = Notes()
        let (beginnings, begun) = AsyncStream.makeStream(of: Word.self)
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                defer { begun.finish() }
                let completed = try await Command(python, ["-c", server], environment: environment, input: text)
                    .run(
                        grace: .milliseconds(1), keeping: 1 << 16,
                        onLine: { line in
                            guard let word = try? JSONDecoder().decode(Word.self, from: Data(line.text.utf8)) else {
                                return
                            }
                            if word.url != nil { begun.yield(word) } else { await notes.take(word) }
                        })
                throw Failed(description: "the server of AWS's protocols ended: \(completed.error)")
            }
            group.addTask {
                for await word in beginnings {
                    guard let url = word.url, let key = word.key, let secret = word.secret else { continue }
                    return try await body(RealNodesAWS(url: url, key: key, secret: secret, notes: notes))
                }
                // The other task throws the cause.
                return nil
            }
            while let value = try await group.next() {
                if let value { return value }
            }
            throw CancellationError()
        }
    }

    /// The server's output by line.
    private struct Word: Decodable, Sendable {
        var url: String?
        var key: String?
        var secret: String?
        var page: Int?
        var fetched: String?
    }

    private actor Notes {
        private(set) var pages: [Int] = []
        private(set) var fetched: [String?] = []

        func take(_ word: Word) {
            if let page = word.page { pages.append(page) } else { fetched.append(word.fetched) }
        }
    }

    /// moto, with two additions: it does not check signatures in URLs, and it makes a page of instances as long as the client
    /// requests, while AWS may return fewer.
    private static let server = #"""
        import json, sys, threading, urllib.parse
        import boto3
        from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        from moto import settings
        from moto.ec2.responses.instances import InstanceResponse
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import WSGIRequestHandler, make_server

        stock = json.load(sys.stdin)
        moto = DomainDispatcherApplication(create_backend_app)
        secrets = {}

        one = threading.Lock()

        def say(**words):
            with one:
                print(json.dumps(words), flush=True)

        def presigned(environ):
            """The request as its signer could have sent it; None where the signature in its URL is not right."""
            query, (path, _, _) = environ['QUERY_STRING'], environ['REQUEST_URI'].partition('?')
            given = dict(urllib.parse.parse_qsl(query))
            key, _, region, service, _ = given['X-Amz-Credential'].split('/')
            if key not in secrets:
                return None
            keys = Credentials(key, secrets[key])
            url = 'http://' + environ['HTTP_HOST'] + path
            bare = '&'.join(part for part in query.split('&') if not part.startswith('X-Amz-Signature='))
            asked = AWSRequest(environ['REQUEST_METHOD'], url + '?' + bare, {'host': environ['HTTP_HOST']})
            asked.context['timestamp'] = given['X-Amz-Date']
            auth = S3SigV4QueryAuth(keys, service, region, int(given['X-Amz-Expires']))
            right = auth.signature(auth.string_to_sign(asked, auth.canonical_request(asked)), asked)
            if right != given['X-Amz-Signature']:
                return None
            signed = AWSRequest(environ['REQUEST_METHOD'], url)
            S3SigV4Auth(keys, service, region).add_auth(signed)
            headers = {'HTTP_' + name.upper().replace('-', '_'): value for name, value in signed.headers.items()}
            return {**environ, **headers, 'QUERY_STRING': '', 'REQUEST_URI': path, 'RAW_URI': path}

        def answer(environ, start):
            if 'X-Amz-Signature=' in environ['QUERY_STRING']:
                environ = presigned(environ)
                say(fetched=environ and environ['REQUEST_URI'])
                if environ is None:
                    start('403 Forbidden', [('Content-Type', 'application/xml')])
                    return [b'<Error><Code>SignatureDoesNotMatch</Code></Error>']
            return moto(environ, start)

        parameter, describe = InstanceResponse._get_param, InstanceResponse.describe_instances

        def few(self, name, *others, **named):
            value = parameter(self, name, *others, **named)
            return min(int(value), 30) if name == 'MaxResults' else value

        def page(self):
            found = describe(self)
            say(page=len(found.result['Reservations']))
            return found

        InstanceResponse._get_param, InstanceResponse.describe_instances = few, page

        class Quiet(WSGIRequestHandler):
            def log_request(self, *_):
                pass

        server = make_server('127.0.0.1', 0, answer, threaded=True, request_handler=Quiet)
        url = 'http://127.0.0.1:%d' % server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = dict(endpoint_url=url, region_name='us-east-1', aws_access_key_id='root', aws_secret_access_key='root')
        ec2, s3, iam = (boto3.client(name, **root) for name in ('ec2', 's3', 'iam'))

        vpc = ec2.create_vpc(CidrBlock='127.0.0.0/16')['Vpc']['VpcId']
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock='127.0.0.0/16')['Subnet']['SubnetId']
        image = ec2.describe_images(Owners=['amazon'])['Images'][0]['ImageId']

        def run(address, env):
            tags = [{'Key': 'role', 'Value': 'kubernetes-node'}, {'Key': 'env', 'Value': env}]
            return ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet, PrivateIpAddress=address,
                TagSpecifications=[{'ResourceType': 'instance', 'Tags': tags}])['Instances'][0]['InstanceId']

        for address in stock['nodes']:
            run(address, 'prod')
        for address in stock['stopped']:
            ec2.stop_instances(InstanceIds=[run(address, 'prod')])
        for address in stock['others']:
            run(address, 'dev')

        s3.create_bucket(Bucket='domain-deploy')
        for key, path in stock['objects'].items():
            with open(path, 'rb') as file:
                s3.put_object(Bucket='domain-deploy', Key=key, Body=file.read())

        iam.create_user(UserName='deploy')
        rights = ['ec2:DescribeInstances', 's3:GetObject', 's3:HeadObject', 's3:ListBucket']
        policy = [{'Effect': 'Allow', 'Action': rights, 'Resource': '*'}]
        for key in stock['denied']:
            policy.append({'Effect': 'Deny', 'Action': 's3:*', 'Resource': 'arn:aws:s3:::domain-deploy/' + key})
        iam.put_user_policy(UserName='deploy', PolicyName='deploy',
            PolicyDocument=json.dumps({'Version': '2012-10-17', 'Statement': policy}))
        key = iam.create_access_key(UserName='deploy')['AccessKey']
        secrets[key['AccessKeyId']] = key['SecretAccessKey']
        settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
        say(url=url, key=key['AccessKeyId'], secret=key['SecretAccessKey'])
        threading.Event().wait()
        """#
}
