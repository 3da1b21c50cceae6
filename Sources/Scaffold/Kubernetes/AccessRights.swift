import TextTemplates
import ViridianConfiguration

/// The service account that Viridian releases with, and its rights: in each app's namespace what a release calls, and in the cluster
/// only the list of nodes, where that is the inventory.
///
/// The account is in a namespace of its own, so that it does not depend on which apps there are.
enum AccessRights {
    static func files(_ configuration: Configuration, apps: [AppConfiguration]) -> [RenderedFile] {
        var files = [RenderedFile(path: "rbac/account.yaml", embedded: PackageResources.rbac_account_yaml)]
        files += apps.map { RenderedFile(path: "rbac/app-\($0.name).yaml", text: AppRole($0).text) }
        if let rule = AccessRule.inventory(configuration) {
            files.append(RenderedFile(path: "rbac/nodes.yaml", text: InventoryRole(rules: [RoleRule(rule)]).text))
        }
        return files
    }
}

/// The role in an app's namespace, and its binding to the account.
struct AppRole: TemplateValues {
    static let template = TextTemplate(PackageResources.rbac_role_yaml_mustache)

    let app: String
    let namespace: String
    let rules: [RoleRule]

    init(_ app: AppConfiguration) {
        self.app = app.name.text
        namespace = yaml(app.namespace)
        rules = AccessRule.rules(of: app).map(RoleRule.init)
    }
}

/// The role for the cluster, and its binding to the account.
struct InventoryRole: TemplateValues {
    static let template = TextTemplate(PackageResources.rbac_nodes_yaml_mustache)

    let rules: [RoleRule]
}

/// An item of a role's `rules`.
struct RoleRule {
    let purpose: String
    let group: String
    let resource: String
    /// Separated by commas.
    let verbs: String

    init(_ rule: AccessRule) {
        purpose = rule.purpose
        group = rule.group.isEmpty ? "\"\"" : rule.group
        resource = rule.resource + (rule.subresource.map { "/\($0)" } ?? "")
        verbs = rule.verbs.joined(separator: ", ")
    }
}
