import Foundation

/// The address of an AWS service in a region.
package struct Endpoint: Sendable, Hashable {
    /// `https://ec2.us-east-1.amazonaws.com`
    var url: String
    /// The value of the `Host` header.
    var host: String
    /// The path of the URL, without a trailing slash.
    var path: String
    /// Whether it is configured, as opposed to AWS's default.
    var isCustom: Bool

    init(url text: String, isCustom: Bool) throws(AWSSetupError) {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), let host = parts.host, !host.isEmpty
        else { throw AWSSetupError("\(text) is not an AWS endpoint: an http or https URL is required") }
        let standard = scheme == "https" ? 443 : 80
        let shown = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
        url = text.hasSuffix("/") ? String(text.dropLast()) : text
        self.host = parts.port.map { $0 == standard ? shown : "\(shown):\($0)" } ?? shown
        path =
            parts.percentEncodedPath.hasSuffix("/")
            ? String(parts.percentEncodedPath.dropLast()) : parts.percentEncodedPath
        self.isCustom = isCustom
    }

    /// The first of: `AWS_ENDPOINT_URL_EC2`, `AWS_ENDPOINT_URL`, the profile's `services` section, its `endpoint_url`,
    /// AWS's default.
    static func of(_ service: String, region: String, in hostEnvironment: AWSEnvironment) throws -> Endpoint {
        if let text = try custom(service, in: hostEnvironment) { return try Endpoint(url: text, isCustom: true) }
        return try Endpoint(url: "https://\(service).\(region).\(suffix(region))", isCustom: false)
    }

    private static func custom(_ service: String, in hostEnvironment: AWSEnvironment) throws -> String? {
        let ignored = hostEnvironment.variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")?.lowercased() == "true"
        guard !ignored else { return nil }
        if let url = hostEnvironment.variable("AWS_ENDPOINT_URL_\(service.uppercased())")
            ?? hostEnvironment.variable("AWS_ENDPOINT_URL")
        {
            return url
        }
        return try SharedFiles(hostEnvironment).endpoint(of: service)
    }

    /// The domain of the partition that the region belongs to.
    static func suffix(_ region: String) -> String {
        region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
    }
}

/// The default region.
package enum Region {
    /// `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's `region`; `nil` when none is set.
    package static func configured(in hostEnvironment: AWSEnvironment) throws -> String? {
        try hostEnvironment.variable("AWS_REGION") ?? hostEnvironment.variable("AWS_DEFAULT_REGION")
            ?? SharedFiles(hostEnvironment).setting("region")
    }
}
