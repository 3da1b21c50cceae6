extension RegistryConfiguration {
    static func list(_ root: Section) -> [RegistryConfiguration] {
        var hosts: Set<String> = []
        let known = ["host", "plainHTTP", "username", "password", "ca", "poll"]
        return root.sections("registries", known: known).compactMap { section in
            guard let registry = RegistryConfiguration(section) else { return nil }
            if !hosts.insert(registry.host).inserted {
                section.report("expected each registry once, found \(registry.host) more than once", at: "host")
            }
            return registry
        }
    }

    private init?(_ section: Section) {
        let host = section.require(
            "host",
            Kind<String>("the host of a registry, with its port if it has one, such as registry.local:5000") {
                ImageReference.isRegistry($0.text) ? $0.text.lowercased() : nil
            })
        let plainHTTP = section.read("plainHTTP", .boolean, default: false)
        let username = section.read("username", .text("a name") { !$0.isEmpty && Grammar.isOneLine($0) })
        let password = section.read("password", .secret)
        for (key, other) in [("username", "password"), ("password", "username")]
        where section.has(key) && !section.has(other) {
            section.report("missing; expected a \(other) with the \(key)", at: other)
        }
        if username?.contains(":") == true {
            // RFC 7617, section 2.
            section.report("expected a name without a colon, as in HTTP's basic authentication", at: "username")
        }
        let ca = section.read("ca", .path)
        if plainHTTP, ca != nil {
            section.report("expected no ca with plainHTTP: true, which has no certificates", at: "ca")
        }
        let poll = section.read("poll", .duration(atLeast: .seconds(1)), default: .seconds(300))
        guard let host else { return nil }
        self.init(host: host, plainHTTP: plainHTTP, username: username, password: password, ca: ca, poll: poll)
    }
}
