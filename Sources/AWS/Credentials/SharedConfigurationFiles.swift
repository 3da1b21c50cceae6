import Foundation

/// The AWS CLI's `config` and `credentials` files. They are read for each use, as other programs rotate the keys in them.
///
/// Format: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
struct SharedFiles: Sendable {
    /// The settings of a section; a nested `addressing_style` below `s3 =` has the key `s3.addressing_style`.
    typealias Section = [String: String]

    let profileName: String
    /// Whether the environment names the profile, so that it must exist.
    let isNamed: Bool
    let credentialsPath: String
    let configPath: String
    private let credentials: [String: Section]?
    private let config: [String: Section]?

    init(_ hostEnvironment: AWSEnvironment) throws(AWSCredentialError) {
        let named = hostEnvironment.variable("AWS_PROFILE") ?? hostEnvironment.variable("AWS_DEFAULT_PROFILE")
        profileName = named ?? "default"
        isNamed = named != nil
        let home = hostEnvironment.homeDirectory
        credentialsPath =
            hostEnvironment.variable("AWS_SHARED_CREDENTIALS_FILE").map(hostEnvironment.path)
            ?? "\(home)/.aws/credentials"
        configPath = hostEnvironment.variable("AWS_CONFIG_FILE").map(hostEnvironment.path) ?? "\(home)/.aws/config"
        credentials = try Self.read(credentialsPath)
        config = try Self.read(configPath)
    }

    /// `nil` when there is no such file.
    private static func read(_ path: String) throws(AWSCredentialError) -> [String: Section]? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .unusable(place: path, problem: "the file cannot be read")
        }
        return try parse(String(decoding: data, as: UTF8.self), path: path)
    }

    static func parse(_ text: String, path: String) throws(AWSCredentialError) -> [String: Section] {
        var sections: [String: Section] = [:]
        var section: String?
        var outer: String?
        for (number, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let line = uncommented(raw)
            let trimmed = line.trimmingCharacters(in: .whitespaces)
            guard !trimmed.isEmpty else { continue }
            if trimmed.hasPrefix("["), let end = trimmed.firstIndex(of: "]") {
                let names = trimmed[trimmed.index(after: trimmed.startIndex)..<end].split(
                    whereSeparator: \.isWhitespace)
                section = names.joined(separator: " ")
                outer = nil
                sections[section ?? "", default: [:]].merge([:]) { old, _ in old }
                continue
            }
            guard let equals = trimmed.firstIndex(of: "="), let section else {
                throw .unusable(
                    place: path, problem: "line \(number + 1) is neither a [section] nor a setting (key = value)"
                )
            }
            let key = trimmed[..<equals].trimmingCharacters(in: .whitespaces).lowercased()
            let value = trimmed[trimmed.index(after: equals)...].trimmingCharacters(in: .whitespaces)
            if line.first?.isWhitespace == true, let outer {
                sections[section]?["\(outer).\(key)"] = value
            } else {
                sections[section]?[key] = value
                // Indented lines belong to the key before them that has no value.
                outer = value.isEmpty ? key : nil
            }
        }
        return sections
    }

    /// A comment begins at the start of the line or after white space.
    private static func uncommented(_ line: Substring) -> Substring {
        var previous: Character = " "
        for index in line.indices {
            if "#;".contains(line[index]), previous.isWhitespace { return line[..<index] }
            previous = line[index]
        }
        return line
    }

    // MARK: - Profiles

    /// A profile's settings from both files, the credentials file first; nil when neither has the profile.
    func profile(_ name: String) -> Section? {
        // In the config file, every profile except the default is `[profile NAME]`.
        let inConfig = config?["profile \(name)"] ?? (name == "default" ? config?["default"] : nil)
        guard let inCredentials = credentials?[name] else { return inConfig }
        return inCredentials.merging(inConfig ?? [:]) { first, _ in first }
    }

    var chosen: Section? { profile(profileName) }

    /// The value of `region`, or of a service's setting such as `s3.addressing_style`.
    func setting(_ key: String) -> String? { chosen?[key].flatMap { $0.isEmpty ? nil : $0 } }

    /// The endpoint of a service: from the profile's `[services NAME]` section, or its `endpoint_url`.
    func endpoint(of service: String) -> String? {
        if let services = setting("services"), let url = config?["services \(services)"]?["\(service).endpoint_url"] {
            return url
        }
        return setting("endpoint_url")
    }

    func place(of name: String) -> String {
        credentials?[name] != nil ? "profile \(name) of \(credentialsPath)" : "profile \(name) of \(configPath)"
    }

    /// Why the files have no credentials.
    var absence: String {
        switch (credentials, config) {
        case (nil, nil): "neither \(credentialsPath) nor \(configPath) exists"
        default:
            "profile \(profileName) has no keys in \([credentials.map { _ in credentialsPath }, config.map { _ in configPath }].compactMap { $0 }.joined(separator: " and "))"
        }
    }
}
