import AWS
import Foundation
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// The module in the hands of Terraform itself: its provider's schema, and an API that answers as AWS's does.
@Suite("the Terraform module, applied")
struct TerraformApplyTests {
    @Test(
        "every resource and argument is one of the AWS provider's, whatever is configured",
        .enabled(if: TerraformFolder.canValidate, TerraformFolder.needsProviders), .timeLimit(.minutes(20)))
    func valid() async throws {
        try await TerraformFolder.with(try TerraformVariant.everything.configuration) { folder in
            try await folder.initialize()
            for variant in TerraformVariant.allCases {
                try folder.write(try variant.configuration)
                let valid = try await folder.run("validate", "-no-color")
                #expect(valid.succeeded, "\(variant): \(valid.output)\(valid.error)")
            }
        }
    }

    @Test(
        "an application and a network load balancer ask nginx for its health, and what cannot be is refused with what to do",
        .enabled(if: TerraformFolder.canValidate, TerraformFolder.needsProviders), .timeLimit(.minutes(20)))
    func choices() async throws {
        try await TerraformFolder.with(try TerraformVariant.everything.configuration) { folder in
            let tests = try String(contentsOfFile: Python.oracle("terraform-variants.tftest.hcl"), encoding: .utf8)
            try folder.write(tests, to: "tests/variants.tftest.hcl")
            try await folder.initialize()
            let tested = try await folder.run("test", "-no-color")
            #expect(tested.succeeded, "\(tested.output)\(tested.error)")
            #expect(tested.output.contains("Success! 7 passed, 0 failed."), "\(tested.output)")
        }
    }

    /// What `Tests/Oracles/terraform-read-back.py` finds in AWS afterwards.
    private struct Facts: Decodable {
        var healthCheck: String
        var listeners: [String]
        var draining: String
        var instances: [String]
        var balancerGroups: [String]
        var rules: [String: [String]]
        var inNodesGroup: [String]
        var tagged: [String: [String: String]]
        var records: [String: String]
        var dnsName: String
        var policy: [String]
        var nodeRole: [Bool]
        var teamOfTheRole: [[String: String]]
        var rights: [String: String]
    }

    @Test(
        "applied, it is a classic load balancer on the nodes that Viridian finds, with records, groups and rights; a second plan is empty",
        .enabled(if: TerraformFolder.canValidate, TerraformFolder.needsProviders),
        .needsPython("boto3, moto.server"), .timeLimit(.minutes(30)))
    func applied() async throws {
        try await PythonProgram.with(
            "terraform-aws.py", modules: "boto3, moto.server", input: "", deadline: .seconds(1500)
        ) { aws in
            var lines = aws.said.makeAsyncIterator()
            let account = try #require(await lines.next())
            let url = try #require(account["url"])
            let variables = try #require(account["variables"])
            try await TerraformFolder.with(try TerraformVariant.everything.configuration) { folder in
                try folder.write(variables, to: "terraform.tfvars.json")
                try await folder.initialize()
                let applied = try await folder.run(
                    "apply", "-auto-approve", "-input=false", "-no-color", endpoint: url)
                try #require(applied.succeeded, "\(applied.output)\(applied.error)")
                let planned = try await folder.run(
                    "plan", "-detailed-exitcode", "-input=false", "-no-color", endpoint: url)
                #expect(planned.succeeded, "a second plan differs: \(planned.output)\(planned.error)")
                let networks = try await folder.run("output", "-json", "load_balancer_networks")
                #expect(networks.output == "[\"127.0.1.0/24\",\"127.0.2.0/24\"]\n", "\(networks.error)")
            }
            let found = try await EC2(
                region: "us-east-1", endpoint: URL(string: url),
                credentials: CredentialChain(
                    AWSEnvironment(
                        environment: [
                            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
                            "AWS_EC2_METADATA_DISABLED": "true",
                        ], homeDirectory: "/nonexistent"))
            ).runningInstances(tags: ["role": "kubernetes-node"])
            try check(try await readBack(url), nodes: found.map(\.id))
            #expect(Set(found.map(\.id)) == Set(try strings(account["nodes"]) + [try #require(account["new"])]))
        }
    }

    private func readBack(_ url: String) async throws -> Facts {
        let python = try #require(await Python.find("boto3"))
        let read = try await Command(
            python, [Python.oracle("terraform-read-back.py")],
            environment: ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("AWS_") },
            input: "{\"url\": \"\(url)\"}"
        ).run(deadline: .seconds(600), keeping: 1 << 20)
        try #require(read.succeeded, "\(read.error)")
        return try JSONDecoder().decode(Facts.self, from: Data(read.output.utf8))
    }

    private func strings(_ json: String?) throws -> [String] {
        try JSONDecoder().decode([String].self, from: Data(try #require(json).utf8))
    }

    private func check(_ facts: Facts, nodes: [String]) throws {
        #expect(facts.healthCheck == "HTTP:80/nginx-health")
        #expect(facts.listeners == ["HTTP:80 -> HTTP:80 -", "HTTPS:443 -> HTTP:80 tls-1-2"])
        #expect(facts.draining == "60 s")
        // The machines behind the load balancer are those that Viridian finds, no more and no fewer.
        #expect(facts.instances == nodes.sorted() && nodes.count == 3)
        #expect(facts.inNodesGroup == nodes.sorted())
        #expect(facts.balancerGroups == ["Visitors to the load balancer"])
        #expect(
            facts.rules == [
                "Visitors to the load balancer": [
                    "in tcp 443-443 0.0.0.0/0", "in tcp 443-443 ::/0", "in tcp 80-80 0.0.0.0/0", "in tcp 80-80 ::/0",
                    "out tcp 80-80 The load balancer to nginx on the nodes",
                ],
                "The load balancer to nginx on the nodes": [
                    "in tcp 80-80 Visitors to the load balancer", "out all 0.0.0.0/0", "out all ::/0",
                ],
            ])
        let balancer = facts.dnsName
        #expect(
            facts.records == [
                "blog.domain.com A": "\(balancer) in blog.domain.com",
                "preview.blog.domain.com A": "\(balancer) in blog.domain.com",
                "domain.com A": "\(balancer) in domain.com", "www.domain.com A": "\(balancer) in domain.com",
                "preview.www.domain.com A": "\(balancer) in domain.com",
            ])
        #expect(facts.policy == ["ec2:DescribeInstances *", "s3:GetObject arn:aws:s3:::domain-deploy/blog/*"])
        #expect(
            facts.rights == [
                "list instances": "allowed", "read an artifact": "allowed", "read another object": "refused",
                "write an artifact": "refused", "stop an instance": "refused", "list zones": "refused",
            ])
        #expect(facts.nodeRole == [true])
        #expect(facts.teamOfTheRole == [["Key": "team", "Value": "web"]])
    }
}
