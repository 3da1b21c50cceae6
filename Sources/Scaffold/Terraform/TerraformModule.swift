import TextTemplates
import ViridianConfiguration

/// The way of visitors to nginx on the nodes, in Amazon's cloud: a folder of Terraform. What differs from one configuration to another
/// has a template; the other files are written as they stand.
struct TerraformModule {
    /// How EC2 finds the nodes; `nil` where the inventory is another one, and region and tags are variables without a default.
    private let inventory: TerraformInventory?
    private let sshPort: Int
    /// The apps' hosts and those of their previews, as strings of HCL.
    private let hosts: [String]
    private let names: [String]
    /// ARNs of the objects in S3 that releases read, ending in `*`, as strings of HCL.
    private let artifacts: [String]

    /// - Throws: `ScaffoldError` where no app has a name to point at the load balancer.
    init(configuration: Configuration, apps: [AppConfiguration]) throws(ScaffoldError) {
        if case .ec2(let instances) = configuration.nodes.inventory {
            inventory = TerraformInventory(instances)
        } else {
            inventory = nil
        }
        if case .ssh(let ssh) = configuration.nodes.transport { sshPort = ssh.port ?? 22 } else { sshPort = 22 }
        artifacts = Set(apps.compactMap(Self.objects)).sorted().map {
            // The one thing that is filled in by Terraform: there are other partitions than `aws`.
            "\"arn:${data.aws_partition.current.partition}:s3:::\(hclText($0))\""
        }
        names = apps.flatMap(\.serverNames).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        hosts = names.map(hcl)
        guard !hosts.isEmpty else {
            throw ScaffoldError(
                "no app has `hosts`, so no DNS name could point at the load balancer. To fix: set `hosts` for an app (apps/*.yaml)"
            )
        }
    }

    /// Whether Viridian calls AWS at all.
    private var needsRights: Bool { inventory != nil || !artifacts.isEmpty }

    var files: [RenderedFile] {
        let hasArtifacts = !artifacts.isEmpty
        var files = [
            file("README.md", TerraformReadMe(inventory, names, hasArtifacts: hasArtifacts).text),
            file("versions.tf", PackageResources.versions_tf),
            file("providers.tf", PackageResources.providers_tf),
            file(
                "variables.tf",
                TerraformVariables(
                    inventory: inventory, sshPort: sshPort, hasArtifacts: hasArtifacts, needsRights: needsRights
                ).text),
            file("main.tf", TerraformMain(hosts: hosts).text),
            file("nodes.tf", PackageResources.nodes_tf),
            file("security_groups.tf", PackageResources.security_groups_tf),
            file("load_balancer_classic.tf", PackageResources.load_balancer_classic_tf),
            file("load_balancer_application.tf", PackageResources.load_balancer_application_tf),
            file("load_balancer_network.tf", PackageResources.load_balancer_network_tf),
            file("nginx-network.conf", PackageResources.nginx_network_conf),
            file("dns.tf", PackageResources.dns_tf),
            file("iam_nodes.tf", TerraformNodeRole(artifacts: artifacts, hasArtifacts: hasArtifacts).text),
        ]
        if needsRights {
            let rights = TerraformRights(findsInstances: inventory != nil, hasArtifacts: hasArtifacts)
            files.append(file("iam_viridian.tf", rights.text))
        }
        files.append(file("outputs.tf", TerraformOutputs(needsRights: needsRights).text))
        return files
    }

    private func file(_ name: String, _ text: String) -> RenderedFile {
        RenderedFile(path: "terraform/\(name)", text: text)
    }

    private func file(_ name: String, _ embedded: [UInt8]) -> RenderedFile {
        RenderedFile(path: "terraform/\(name)", embedded: embedded)
    }

    /// `bucket/prefix*`: what an app's artifacts are called, up to the version; `nil` where they are not in S3.
    private static func objects(of app: AppConfiguration) -> String? {
        guard let from = app.artifact?.from, from.hasPrefix("s3://") else { return nil }
        let place = from.dropFirst(5).replacing("{app}", with: app.name.text)
        return place.prefix { $0 != "{" } + "*"
    }
}

/// How EC2 finds the nodes, as strings of HCL.
struct TerraformInventory {
    let region: String
    let tags: [Tag]

    struct Tag {
        /// Padded to the longest key, as `terraform fmt` aligns them.
        let key: String
        let value: String
    }

    init(_ instances: NodesConfiguration.EC2) {
        region = hcl(instances.region)
        let tags = instances.tags.sorted { $0.key < $1.key }.map { (hcl($0.key), hcl($0.value)) }
        let width = tags.map(\.0.count).max() ?? 0
        self.tags = tags.map { key, value in
            Tag(key: key + String(repeating: " ", count: width - key.count), value: value)
        }
    }
}

/// A string of HCL, in which nothing is interpolated.
private func hcl(_ text: String) -> String { "\"\(hclText(text))\"" }

private func hclText(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        .replacing("${", with: "$${").replacing("%{", with: "%%{")
}
