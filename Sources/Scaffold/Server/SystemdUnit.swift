import Foundation
import TextTemplates
import ViridianConfiguration

/// The server as a service of systemd (systemd.service(5), systemd.exec(5)).
struct SystemdUnit: TemplateValues {
    static let template = TextTemplate(PackageResources.viridian_service_mustache)

    /// Where the program is installed.
    let program: String
    /// The folder of the journal, where it is a file that the unit's own folder, /var/lib/viridian, does not hold.
    let journal: String?
    /// Whether the server changes nginx's files on this machine, as root.
    let isLocal: Bool
    /// The folder of upstream files, where that is not below /etc/nginx.
    let backends: String?

    private static let configurationFolder = "/etc/viridian"
    private static let stateFolder = "/var/lib/viridian"

    init(_ configuration: Configuration, program: String) {
        self.program = program
        let local = configuration.clusters.map(\.nodes).filter { $0.transport == .local }
        isLocal = !local.isEmpty
        backends = local.map(\.backendsOnNode).first { !$0.hasPrefix("/etc/nginx/") }
        journal = Self.journalFolder(configuration)
    }

    /// The configuration is read from /etc/viridian by the unit, wherever it lies now: so is what is relative to it.
    private static func journalFolder(_ configuration: Configuration) -> String? {
        guard !configuration.journal.contains("://") else { return nil }
        let here = (configuration.file as NSString).deletingLastPathComponent
        let isBeside = configuration.journal.hasPrefix(here + "/")
        let path = isBeside ? configurationFolder + configuration.journal.dropFirst(here.count) : configuration.journal
        let folder = (path as NSString).deletingLastPathComponent
        return folder == stateFolder || folder.hasPrefix(stateFolder + "/") ? nil : folder
    }

    var file: RenderedFile { RenderedFile(path: "etc/systemd/system/viridian.service", text: text) }
}
