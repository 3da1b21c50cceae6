import Foundation

/// Where a service of a region is.
package struct Endpoint: Sendable, Hashable {
    /// `https://ec2.us-east-1.amazonaws.com`
    var url: String
    /// As the `Host` header has it.
    var host: String
    /// Of the URL, without a slash at its end.
    var path: String
    /// Somebody configured it, rather than that AWS's own name is used.
    var isCustom: Bool

    init(url text: String, isCustom: Bool) throws(AWSSetupError) {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), let host = parts.host, !host.isEmpty
        else { throw AWSSetupError("\(text) is no endpoint of AWS: an http or https URL is needed") }
        let standard = scheme == "https" ? 443 : 80
        let shown = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
        url = text.hasSuffix("/") ? String(text.dropLast()) : text
        self.host = parts.port.map { $0 == standard ? shown : "\(shown):\($0)" } ?? shown
        path =
            parts.percentEncodedPath.hasSuffix("/")
            ? String(parts.percentEncodedPath.dropLast()) : parts.percentEncodedPath
        self.isCustom = isCustom
    }

    /// `AWS_ENDPOINT_URL_EC2`, `AWS_ENDPOINT_URL`, the profile's `services` section, its `endpoint_url`, and else
    /// AWS's own.
    static func of(_ service: String, region: String, in surroundings: AWSSurroundings) throws -> Endpoint {
        if let text = try custom(service, in: surroundings) { return try Endpoint(url: text, isCustom: true) }
        return try Endpoint(url: "https://\(service).\(region).\(suffix(region))", isCustom: false)
    }

    private static func custom(_ service: String, in surroundings: AWSSurroundings) throws -> String? {
        let ignored = surroundings.variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")?.lowercased() == "true"
        guard !ignored else { return nil }
        if let url = surroundings.variable("AWS_ENDPOINT_URL_\(service.uppercased())")
            ?? surroundings.variable("AWS_ENDPOINT_URL")
        {
            return url
        }
        return try SharedFiles(surroundings).endpoint(of: service)
    }

    /// Of the partition that the region belongs to.
    static func suffix(_ region: String) -> String {
        region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
    }
}

/// Which region is meant where nothing else says it.
package enum Region {
    /// `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's `region`; `nil` when none is set.
    package static func configured(in surroundings: AWSSurroundings) throws -> String? {
        try surroundings.variable("AWS_REGION") ?? surroundings.variable("AWS_DEFAULT_REGION")
            ?? SharedFiles(surroundings).setting("region")
    }
}
