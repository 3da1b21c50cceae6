extension AppConfiguration {
    /// The names at which an app is reached. On the nodes of a cluster each of them is one app's: nginx sends a name's requests to the first
    /// virtual host that has it.
    static func hosts(
        _ section: Section, owner: String?, in cluster: String? = nil, _ context: ReadingContext
    ) -> ([String], String?) {
        let found = section.items("hosts", .host) ?? []
        let hosts = found.map(\.value)
        if let twice = hosts.enumerated().first(where: { hosts[..<$0.offset].contains($0.element) }) {
            section.report("expected each host once, found \(twice.element) more than once", at: "hosts")
        }
        for (host, location) in found { context.claim(.host(host, cluster: cluster), owner: owner, at: location) }
        guard let preview = section.read("preview", .site()) else { return (hosts, nil) }
        if hosts.contains(preview) {
            section.report("expected a name that is not in hosts, found \(preview)", at: "preview")
        }
        context.claim(.host(preview, cluster: cluster), owner: owner, at: section.location(of: "preview"))
        return (hosts, preview)
    }
}

extension Kind where Value == String {
    /// A host that a virtual host answers to.
    static var host: Kind {
        Kind("a DNS name") { scalar in
            // In nginx, a leading `*.` matches every subdomain.
            let name = scalar.text.hasPrefix("*.") ? scalar.text.dropFirst(2) : scalar.text[...]
            return Grammar.isDNSName(name) ? scalar.text.lowercased() : nil
        }
    }
}
