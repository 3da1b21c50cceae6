import TextTemplates
import ViridianConfiguration

/// One load balancer in front of nginx on the nodes, the apps' DNS names that point at it, and the policy that Viridian needs.
struct TerraformModule: TemplateValues {
    static let template = TextTemplate(PackageResources.viridian_tf_mustache)

    /// How EC2 finds the nodes; `nil` where the inventory is another one, and region and tags are variables of the module.
    let inventory: Inventory?
    let hosts: [String]
    /// ARNs of the objects in S3 that releases read, ending in `*`.
    let artifacts: [String]
    let hasArtifacts: Bool
    /// Whether Viridian calls AWS at all.
    let needsRights: Bool

    struct Inventory {
        let region: String
        let tags: [Tag]
    }

    struct Tag {
        /// Padded to the longest key, as `terraform fmt` aligns them.
        let key: String
        let value: String
    }

    /// - Throws: `ScaffoldError` where no app has a name to point at the load balancer.
    init(configuration: Configuration, apps: [AppConfiguration]) throws(ScaffoldError) {
        if case .ec2(let instances) = configuration.nodes.inventory {
            let tags = instances.tags.sorted { $0.key < $1.key }.map { (hcl($0.key), hcl($0.value)) }
            let width = tags.map(\.0.count).max() ?? 0
            inventory = Inventory(
                region: hcl(instances.region),
                tags: tags.map { key, value in
                    Tag(key: key + String(repeating: " ", count: width - key.count), value: value)
                })
        } else {
            inventory = nil
        }
        artifacts = Set(apps.compactMap(Self.objects)).sorted().map { hcl("arn:aws:s3:::\($0)") }
        hasArtifacts = !artifacts.isEmpty
        needsRights = inventory != nil || hasArtifacts
        hosts = apps.flatMap { $0.hosts + [$0.preview].compactMap { $0 } }.map(hcl)
        guard !hosts.isEmpty else {
            throw ScaffoldError(
                "no app has `hosts`, so no DNS name could point at the load balancer. To fix: set `hosts` for an app (apps/*.yaml)"
            )
        }
    }

    /// `bucket/prefix*`: what an app's artifacts are called, up to the version; `nil` where they are not in S3.
    private static func objects(of app: AppConfiguration) -> String? {
        guard let from = app.artifact?.from, from.hasPrefix("s3://") else { return nil }
        let place = from.dropFirst(5).replacing("{app}", with: app.name.text)
        return place.prefix { $0 != "{" } + "*"
    }

    var file: RenderedFile { RenderedFile(path: "terraform/viridian.tf", text: text) }
}

/// A string of HCL, in which nothing is interpolated.
private func hcl(_ text: String) -> String {
    let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    return "\"\(escaped.replacing("${", with: "$${").replacing("%{", with: "%%{"))\""
}
