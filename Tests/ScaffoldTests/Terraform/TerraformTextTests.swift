import Foundation
import Nginx
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// What of the module follows from the configuration, and that programs can read it.
@Suite("the Terraform module")
struct TerraformTextTests {
    private func files(_ variant: TerraformVariant) throws -> [String: String] {
        let configuration = try variant.configuration
        return Dictionary(
            uniqueKeysWithValues: try Rendering.terraform.files(configuration, apps: configuration.apps).map {
                ($0.path.replacing("terraform/", with: ""), $0.text)
            })
    }

    @Test(
        "region and tags are those by which Viridian finds the nodes, and are asked for where it finds them in another way"
    )
    func inventory() throws {
        let ours = try #require(try files(.withoutArtifacts)["variables.tf"])
        #expect(ours.contains("  default     = \"us-east-1\"\n"))
        #expect(ours.contains("    \"Environment\" = \"prod\"\n    \"role\"        = \"a\\\"$${b}\"\n"))
        for (name, text) in try files(.anotherInventory) {
            #expect(!text.contains("us-east-1") && !text.contains("kubernetes-node"), "\(name)")
        }
    }

    @Test("the policy names what Viridian calls, and is not there where it calls nothing")
    func rights() throws {
        let all = try #require(try files(.everything)["iam_viridian.tf"])
        #expect(all.contains("ec2:DescribeInstances") && all.contains("aws_iam_policy_document.artifacts"))
        let objects = try #require(try files(.everything)["iam_nodes.tf"])
        #expect(objects.contains("\"arn:${data.aws_partition.current.partition}:s3:::domain-deploy/blog/*\",\n"))
        let instances = try #require(try files(.withoutArtifacts)["iam_viridian.tf"])
        #expect(instances.contains("ec2:DescribeInstances") && !instances.contains("artifacts"))
        let reading = try #require(try files(.anotherInventory)["iam_viridian.tf"])
        #expect(!reading.contains("ec2:DescribeInstances") && reading.contains("artifacts"))
        let none = try files(.withoutAnyRight)
        #expect(none["iam_viridian.tf"] == nil)
        for (name, text) in none { #expect(!text.contains("viridian_policy_arn"), "\(name)") }
    }

    @Test("every host and preview has a record, once and without its port; without any there is no module")
    func hosts() throws {
        let main = try #require(try files(.everything)["main.tf"])
        let named = main.matches(of: /^    "(.*)",$/.anchorsMatchLineEndings()).map { String($0.output.1) }
        #expect(
            named == [
                "blog.domain.com", "preview.blog.domain.com", "www.domain.com", "domain.com", "preview.www.domain.com",
            ])
        let bare = try blog { $0.hosts = [] }
        #expect(throws: ScaffoldError.self) {
            try Rendering.terraform.files(configuration([bare]), apps: [bare])
        }
    }

    @Test(
        "the example of its README gives every variable that has no default, and no other",
        arguments: TerraformVariant.allCases)
    func example(variant: TerraformVariant) throws {
        let files = try files(variant)
        let variables = try #require(files["variables.tf"]).split(separator: "\nvariable ").filter {
            $0.contains("type ")
        }
        let required = variables.filter { !$0.contains("\n  default ") }.compactMap {
            $0.split(separator: "\"").first { $0 != "variable " }
        }
        let readMe = try #require(files["README.md"])
        let example = try #require(readMe.firstMatch(of: /```hcl\n((?:.*\n)*?)```/)).output.1
        let given = example.split(separator: "\n").compactMap { $0.split(separator: " ").first }
        #expect(Set(given) == Set(required))
        #expect(given.count == required.count)
    }

    @Test("terraform finds nothing to fix in its format", .needs("terraform"), arguments: TerraformVariant.allCases)
    func format(variant: TerraformVariant) async throws {
        try await TerraformFolder.with(try variant.configuration) { folder in
            let formatted = try await folder.run("fmt", "-check", "-diff", "-recursive")
            #expect(formatted.succeeded, "\(formatted.output)\(formatted.error)")
        }
    }

    @Test(
        "another parser of HCL reads every file", .needsPython("hcl2"), arguments: TerraformVariant.allCases)
    func parsed(variant: TerraformVariant) async throws {
        try await TerraformFolder.with(try variant.configuration) { folder in
            let python = try #require(await Python.find("hcl2"))
            let program = """
                import glob, hcl2, json
                files = [hcl2.load(open(name)) for name in sorted(glob.glob('*.tf'))]
                print(sum(len(file.get('resource', [])) for file in files))
                """
            let read = try await Command(python, ["-c", program], workingDirectory: folder.path)
                .run(deadline: .seconds(600))
            #expect(read.succeeded, "\(read.error)")
            #expect((Int(read.output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0) > 25, "\(read.output)")
        }
    }

    @Test(
        "behind a network load balancer nginx tells the virtual hosts that the visitor came by TLS",
        .needs("nginx", "curl"))
    func networkLoadBalancer() async throws {
        let rendered = try #require(try files(.everything)["nginx-network.conf"])
        try await withFolder { folder in
            let text = rendered.replacing("listen 81 default_server;", with: "listen unix:\(folder)/front.sock;")
                .replacing("http://127.0.0.1:80;", with: "http://unix:\(folder)/back.sock:;")
            #expect(text.contains("front.sock") && text.contains("back.sock"))
            try write(text, to: "\(folder)/network.conf")
            let main = "\(folder)/nginx.conf"
            try write(
                """
                pid \(folder)/nginx.pid;
                error_log \(folder)/error.log;
                events {}
                http {
                    access_log off;
                    client_body_temp_path \(folder)/t1; proxy_temp_path \(folder)/t2; fastcgi_temp_path \(folder)/t3;
                    uwsgi_temp_path \(folder)/t4; scgi_temp_path \(folder)/t5;
                    include \(folder)/network.conf;
                    server {
                        listen unix:\(folder)/back.sock;
                        return 200 "$http_host $http_x_forwarded_proto $http_x_forwarded_for $http_upgrade $http_connection";
                    }
                }
                """, to: main)
            let nginx = try #require(Executable.find("nginx"))
            let started = try await Command(nginx, ["-p", folder, "-c", main]).run(deadline: .seconds(600))
            try #require(started.succeeded, "\(started.error)")
            let asked = try await Command(
                "curl",
                [
                    "-s", "--unix-socket", "\(folder)/front.sock", "-H", "X-Forwarded-Proto: http", "-H",
                    "X-Forwarded-For: 6.6.6.6", "-H", "Upgrade: websocket", "-H", "Connection: upgrade",
                    "http://blog.domain.com/",
                ]
            ).run(deadline: .seconds(600))
            let stopped = try await Command(nginx, ["-p", folder, "-c", main, "-s", "stop"]).run(
                deadline: .seconds(600))
            #expect(stopped.succeeded, "\(stopped.error)")
            #expect(asked.output == "blog.domain.com https unix: websocket upgrade", "\(asked)")
        }
    }
}
