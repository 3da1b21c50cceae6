import TextTemplates

// What goes into each file of the module.

struct TerraformMain: TemplateValues {
    static let template = TextTemplate(PackageResources.terraform_main_tf_mustache)

    let hosts: [String]
}

struct TerraformVariables: TemplateValues {
    static let template = TextTemplate(PackageResources.terraform_variables_tf_mustache)

    let inventory: TerraformInventory?
    let sshPort: Int
    let hasArtifacts: Bool
    let needsRights: Bool
}

struct TerraformNodeRole: TemplateValues {
    static let template = TextTemplate(PackageResources.iam_nodes_tf_mustache)

    let artifacts: [String]
    let hasArtifacts: Bool
}

struct TerraformRights: TemplateValues {
    static let template = TextTemplate(PackageResources.iam_viridian_tf_mustache)

    let findsInstances: Bool
    let hasArtifacts: Bool
}

struct TerraformOutputs: TemplateValues {
    static let template = TextTemplate(PackageResources.terraform_outputs_tf_mustache)

    let needsRights: Bool
}

struct TerraformReadMe: TemplateValues {
    static let template = TextTemplate(PackageResources.terraform_README_md_mustache)

    /// Whether the inventory is EC2: region and tags have defaults then.
    let inventory: Bool
    let hosts: [String]
    let findsInstances: Bool
    let hasArtifacts: Bool
    let both: Bool
    let needsRights: Bool

    init(_ inventory: TerraformInventory?, _ names: [String], hasArtifacts: Bool) {
        self.inventory = inventory != nil
        hosts = names
        findsInstances = inventory != nil
        self.hasArtifacts = hasArtifacts
        both = inventory != nil && hasArtifacts
        needsRights = inventory != nil || hasArtifacts
    }
}
