import Foundation
import Mustache

/// The pages' templates, parsed once. Everything that is filled in is escaped, except a page's body in the frame around it.
enum Templates {
    static let library: MustacheLibrary = {
        var library = MustacheLibrary()
        for (name, bytes) in files {
            // One that does not parse is one that is not there, which the tests notice before anybody else does.
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
        ("audit", PackageResources.audit_mustache),
        ("tokens", PackageResources.tokens_mustache),
        ("stats", PackageResources.stats_mustache),
        ("confirm", PackageResources.confirm_mustache),
        ("problem", PackageResources.problem_mustache),
        ("form", PackageResources.form_mustache),
        ("lanes", PackageResources.lanes_mustache),
        ("badge", PackageResources.badge_mustache),
        ("hue", PackageResources.hue_mustache),
        ("icon", PackageResources.icon_mustache),
    ]
}
