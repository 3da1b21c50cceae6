import Foundation
import Mustache

/// The pages' templates, parsed once. Every value is escaped, except a page's body in the layout.
enum Templates {
    static let library: MustacheLibrary = {
        var library = MustacheLibrary()
        for (name, bytes) in files {
            // A test fails when a template does not parse.
            if let template = try? MustacheTemplate(string: String(decoding: bytes, as: UTF8.self)) {
                library.register(template, named: name)
            }
        }
        return library
    }()

    static let files: [(name: String, bytes: [UInt8])] = [
        ("layout", PackageResources.layout_mustache),
        ("signin", PackageResources.signin_mustache),
        ("home", PackageResources.home_mustache),
        ("app", PackageResources.app_mustache),
        ("release", PackageResources.release_mustache),
        ("nodes", PackageResources.nodes_mustache),
        ("versions", PackageResources.versions_mustache),
        ("versiontable", PackageResources.versiontable_mustache),
        ("lock", PackageResources.lock_mustache),
        ("deliveries", PackageResources.deliveries_mustache),
        ("notifications", PackageResources.notifications_mustache),
        ("audit", PackageResources.audit_mustache),
        ("tokens", PackageResources.tokens_mustache),
        ("servers", PackageResources.servers_mustache),
        ("stats", PackageResources.stats_mustache),
        ("confirm", PackageResources.confirm_mustache),
        ("error", PackageResources.error_mustache),
        ("form", PackageResources.form_mustache),
        ("traffic", PackageResources.traffic_mustache),
        ("badge", PackageResources.badge_mustache),
        ("hue", PackageResources.hue_mustache),
        ("icon", PackageResources.icon_mustache),
    ]
}
