import Foundation
import Processes
import Scaffold
import TestSupport
import Testing
import ViridianConfiguration

/// The rendered module on disk, and the program that reads it.
struct TerraformFolder {
    let path: String

    /// Where providers lie on this machine, as `terraform init -plugin-dir` takes it: nothing is downloaded for a test.
    static let providers = [
        ProcessInfo.processInfo.environment["VIRIDIAN_TERRAFORM_PROVIDERS"], "/usr/local/share/terraform/plugins",
        "/usr/share/terraform/plugins", "/opt/tf-plugins",
    ].compactMap { $0 }.first { FileManager.default.fileExists(atPath: "\($0)/registry.terraform.io/hashicorp/aws") }

    static let needsProviders: Comment =
        "no terraform on PATH, or no AWS provider (VIRIDIAN_TERRAFORM_PROVIDERS names a folder as `terraform providers mirror` makes it)"
    static var canValidate: Bool { Executable.find("terraform") != nil && providers != nil }

    /// A temporary folder with the module in it.
    static func with(_ configuration: Configuration, _ test: (TerraformFolder) async throws -> Void) async throws {
        try await withFolder { path in
            let folder = TerraformFolder(path: path)
            try folder.write(configuration)
            try await test(folder)
        }
    }

    /// Replaces the module by that of another configuration.
    func write(_ configuration: Configuration) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: path) where name.hasSuffix(".tf") {
            try FileManager.default.removeItem(atPath: "\(path)/\(name)")
        }
        for file in try Rendering.terraform.files(configuration, apps: configuration.apps) {
            try write(file.text, to: file.path.replacing("terraform/", with: ""))
        }
    }

    func write(_ text: String, to name: String) throws {
        let url = URL(filePath: "\(path)/\(name)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    /// Runs terraform here. AWS is at `endpoint` where there is one, and nowhere otherwise.
    func run(_ words: String..., endpoint: String? = nil) async throws -> Completed {
        var environment = ProcessInfo.processInfo.environment.filter {
            !$0.key.hasPrefix("AWS_") && !$0.key.hasPrefix("TF_")
        }
        environment["TF_CLI_CONFIG_FILE"] = "/dev/null"
        environment["TF_IN_AUTOMATION"] = "yes"
        environment["CHECKPOINT_DISABLE"] = "1"
        if let endpoint {
            environment["AWS_ENDPOINT_URL"] = endpoint
            environment["AWS_ACCESS_KEY_ID"] = "test"
            environment["AWS_SECRET_ACCESS_KEY"] = "test"
            environment["AWS_EC2_METADATA_DISABLED"] = "true"
        }
        return try await Command("terraform", words, environment: environment, workingDirectory: path)
            .run(deadline: .seconds(900), keeping: 1 << 20)
    }

    func initialize() async throws {
        let providers = try #require(Self.providers)
        let done = try await run("init", "-plugin-dir=\(providers)", "-input=false", "-no-color")
        try #require(done.succeeded, "\(done.output)\(done.error)")
    }
}

/// Configurations for which the module differs.
enum TerraformVariant: String, CaseIterable, Sendable {
    case everything, withoutArtifacts, anotherInventory, withoutAnyRight

    var configuration: Configuration {
        get throws {
            let blog = try blog {
                $0.preview = "preview.blog.domain.com:8443"
                if self == .everything || self == .anotherInventory {
                    $0.artifact = .init(from: "s3://domain-deploy/{app}/{version}.tgz", to: "/srv/blog")
                }
            }
            let apps = [blog, try www { $0.preview = "preview.www.domain.com" }]
            switch self {
            case .everything, .withoutArtifacts:
                let tags =
                    self == .everything ? ["role": "kubernetes-node"] : ["role": "a\"${b}", "Environment": "prod"]
                return ScaffoldTests.configuration(apps, inventory: .ec2(.init(region: "us-east-1", tags: tags)))
            case .anotherInventory, .withoutAnyRight: return ScaffoldTests.configuration(apps)
            }
        }
    }
}
