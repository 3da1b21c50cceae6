import AWS
import Foundation
import TestSupport
import Testing

@Suite("signatures")
struct SignatureTests {
    @Test("the examples of AWS's documentation give the documented signatures")
    func published() throws {
        let keys = AWSCredentials(
            accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            source: "the documentation")
        let signer = Signer(
            credentials: keys, region: "us-east-1", service: "s3", date: try date("2013-05-24T00:00:00Z"))
        let host = "examplebucket.s3.amazonaws.com"

        let headers = signer.headers(
            .init(host: host, path: "/test.txt", headers: [("Range", "bytes=0-9")]), body: Data())
        let authorization = try #require(headers.first { $0.name == "Authorization" }?.value)
        #expect(
            authorization
                == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                + "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
                + "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")

        let query = signer.presignedQuery(.init(host: host, path: "/test.txt"), expires: .seconds(86400))
        #expect(
            query.hasSuffix("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"))

        let example = AWSCredentials(
            accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            source: "the documentation")
        let users = Signer(
            credentials: example, region: "us-east-1", service: "iam", date: try date("2015-08-30T12:36:00Z")
        ).headers(
            .init(
                host: "iam.amazonaws.com", query: [("Action", "ListUsers"), ("Version", "2010-05-08")],
                headers: [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]), body: Data())
        #expect(
            users.last?.value.hasSuffix("5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7") == true)
    }

    struct Case: Codable, Sendable {
        var key: String
        var secret: String
        var token: String?
        var region: String
        var service: String
        var stamp: String
        var method: String
        var host: String
        var path: String
        var query: [[String]]
        var headers: [[String]]
        var body: String
        var expires: Int
    }

    struct Signed: Codable {
        var authorization: String
        var url: String
    }

    /// Every case signed by botocore: by header, and where the service is S3 by query.
    private static let oracle = """
        import sys, json, datetime, botocore.auth as auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        from urllib.parse import urlencode, quote
        out = []
        for c in json.load(sys.stdin):
            when = datetime.datetime.strptime(c['stamp'], '%Y%m%dT%H%M%SZ').replace(tzinfo=datetime.timezone.utc)
            auth.get_current_datetime = lambda remove_tzinfo=True: when.replace(tzinfo=None) if remove_tzinfo else when
            keys = Credentials(c['key'], c['secret'], c.get('token'))
            s3 = c['service'] == 's3'
            query = '&'.join(quote(n, safe='-_.~') + '=' + quote(v, safe='-_.~') for n, v in c['query'])
            url = 'https://' + c['host'] + c['path'] + ('?' + query if query else '')
            def request():
                r = AWSRequest(method=c['method'], url=url, data=c['body'].encode(), headers=dict(c['headers']))
                if s3: r.context['client_config'] = None
                return r
            r = request()
            kind = auth.S3SigV4Auth if s3 else auth.SigV4Auth
            signer = kind(keys, c['service'], c['region'])
            if s3: signer._should_sha256_sign_payload = lambda request: True
            signer.add_auth(r)
            presigned = ''
            if s3:
                p = AWSRequest(method='GET', url=url, headers={})
                auth.S3SigV4QueryAuth(keys, 's3', c['region'], expires=c['expires']).add_auth(p)
                presigned = p.url
            out.append({'authorization': r.headers['Authorization'], 'url': presigned})
        json.dump(out, sys.stdout)
        """

    @Test(
        "a thousand requests are signed as botocore signs them",
        .enabled(Comment(rawValue: Python.reason)) { await Python.isThere })
    func agreesWithBotocore() async throws {
        var random = SeededGenerator(seed: 20_151_025)
        let cases = (0..<1000).map { _ in Self.anyCase(&random) }
        let expected = try await Python.run(Self.oracle, cases, as: [Signed].self)
        try #require(expected.count == cases.count)
        for (one, botocore) in zip(cases, expected) {
            let signer = Signer(
                credentials: AWSCredentials(
                    accessKeyID: one.key, secretAccessKey: one.secret, sessionToken: one.token, source: "a test"),
                region: one.region, service: one.service, date: try stamped(one.stamp))
            let message = Signer.Message(
                method: one.method, host: one.host, path: one.path, query: one.query.map { ($0[0], $0[1]) },
                headers: one.headers.map { ($0[0], $0[1]) })
            let headers = signer.headers(message, body: Data(one.body.utf8))
            #expect(headers.last?.value == botocore.authorization, "\(one)")
            guard one.service == "s3" else { continue }
            let query = signer.presignedQuery(
                .init(host: one.host, path: one.path, query: message.query), expires: .seconds(one.expires))
            let ours = form(query)
            let theirs = form(URLComponents(string: botocore.url)?.percentEncodedQuery ?? "")
            #expect(ours == theirs, "\(one)")
        }
    }

    private func stamped(_ text: String) throws -> Date {
        let digits = Array(text)
        return try date(
            "\(String(digits[0..<4]))-\(String(digits[4..<6]))-\(String(digits[6..<11])):\(String(digits[11..<13])):\(String(digits[13..<16]))"
        )
    }

    private static func anyCase(_ random: inout SeededGenerator) -> Case {
        func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &random)] }
        func word(_ letters: String, _ range: ClosedRange<Int>) -> String {
            let characters = Array(letters)
            return String((0..<Int.random(in: range, using: &random)).map { _ in pick(characters) })
        }
        let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        let odd = letters + " -_.~!*'()+/=&?%:;,@$ä€😀"
        let service = pick(["s3", "ec2", "sts"])
        // S3's paths are encoded once. The other services use only /.
        let parts = (0..<Int.random(in: 1...4, using: &random)).map { _ in
            word(odd.replacing("/", with: ""), 1...8).addingPercentEncoding(
                withAllowedCharacters: CharacterSet(charactersIn: letters + "-_.~")) ?? "x"
        }.filter { $0 != "." && $0 != ".." }
        let month = pick(Array(1...12))
        return Case(
            key: "AKIA" + word(letters.uppercased(), 16...16), secret: word(letters + "/+", 40...40),
            token: Bool.random(using: &random) ? word(letters + "/+=", 20...200) : nil,
            region: pick(["us-east-1", "eu-central-1", "cn-north-1"]), service: service,
            stamp:
                "20\(pick(Array(14...40)))\(month < 10 ? "0" : "")\(month)1\(pick(Array(0...9)))T0\(pick(Array(0...9)))5907Z",
            method: service == "s3" ? pick(["GET", "HEAD", "PUT"]) : "POST",
            host: pick(["s3.amazonaws.com", "127.0.0.1:5000", "bucket.s3.eu-central-1.amazonaws.com"]),
            path: service == "s3" ? "/" + parts.joined(separator: "/") : "/",
            query: (0..<Int.random(in: 0...4, using: &random)).map { ["\(word(odd, 1...6))\($0)", word(odd, 0...10)] },
            headers: service == "s3" ? [] : [["Content-Type", "application/x-www-form-urlencoded; charset=utf-8"]],
            body: word(odd, 0...60), expires: pick([1, 60, 900, 604_800]))
    }
}

/// SplitMix64: the same cases in every run.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
