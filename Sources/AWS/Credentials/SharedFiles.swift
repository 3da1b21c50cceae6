import Foundation

/// The files that the AWS command line keeps, read for each use: other programs rotate the keys in them.
///
/// Format: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
struct SharedFiles: Sendable {
    /// Settings of a section; a nested `s3 = … addressing_style = path` is under `s3.addressing_style`.
    typealias Section = [String: String]

    let profileName: String
    /// Somebody named the profile, so that it has to be there.
    let isNamed: Bool
    let credentialsPath: String
    let configPath: String
    private let credentials: [String: Section]?
    private let config: [String: Section]?

    init(_ surroundings: AWSSurroundings) throws(AWSCredentialError) {
        let named = surroundings.variable("AWS_PROFILE") ?? surroundings.variable("AWS_DEFAULT_PROFILE")
        profileName = named ?? "default"
        isNamed = named != nil
        let home = surroundings.homeDirectory
        credentialsPath =
            surroundings.variable("AWS_SHARED_CREDENTIALS_FILE").map(surroundings.path) ?? "\(home)/.aws/credentials"
        configPath = surroundings.variable("AWS_CONFIG_FILE").map(surroundings.path) ?? "\(home)/.aws/config"
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
                let words = trimmed[trimmed.index(after: trimmed.startIndex)..<end].split(
                    whereSeparator: \.isWhitespace)
                section = words.joined(separator: " ")
                outer = nil
                sections[section ?? "", default: [:]].merge([:]) { old, _ in old }
                continue
            }
            guard let equals = trimmed.firstIndex(of: "="), let section else {
                throw .unusable(
                    place: path, problem: "line \(number + 1) is neither [a section] nor a setting of one (key = value)"
                )
            }
            let key = trimmed[..<equals].trimmingCharacters(in: .whitespaces).lowercased()
            let value = trimmed[trimmed.index(after: equals)...].trimmingCharacters(in: .whitespaces)
            if line.first?.isWhitespace == true, let outer {
                sections[section]?["\(outer).\(key)"] = value
            } else {
                sections[section]?[key] = value
                // What follows indented belongs to a key that has no value of its own.
                outer = value.isEmpty ? key : nil
            }
        }
        return sections
    }

    /// A comment begins at the line's first character, or after white space.
    private static func uncommented(_ line: Substring) -> Substring {
        var previous: Character = " "
        for index in line.indices {
            if "#;".contains(line[index]), previous.isWhitespace { return line[..<index] }
            previous = line[index]
        }
        return line
    }

    // MARK: - Profiles

    /// A profile's settings of both files, those of the credentials file first; `nil` when neither has it.
    func profile(_ name: String) -> Section? {
        // In the config file every profile but the default one is `[profile NAME]`.
        let inConfig = config?["profile \(name)"] ?? (name == "default" ? config?["default"] : nil)
        guard let inCredentials = credentials?[name] else { return inConfig }
        return inCredentials.merging(inConfig ?? [:]) { first, _ in first }
    }

    var chosen: Section? { profile(profileName) }

    /// `region`, or of a service: `s3.addressing_style`.
    func setting(_ key: String) -> String? { chosen?[key].flatMap { $0.isEmpty ? nil : $0 } }

    /// The endpoint of a service: `[services NAME]` that the profile names, then the profile's `endpoint_url`.
    func endpoint(of service: String) -> String? {
        if let services = setting("services"), let url = config?["services \(services)"]?["\(service).endpoint_url"] {
            return url
        }
        return setting("endpoint_url")
    }

    func place(of name: String) -> String {
        credentials?[name] != nil ? "profile \(name) of \(credentialsPath)" : "profile \(name) of \(configPath)"
    }

    /// Why the files gave nothing.
    var absence: String {
        switch (credentials, config) {
        case (nil, nil): "neither \(credentialsPath) nor \(configPath) exists"
        default:
            "profile \(profileName) has no keys in \([credentials.map { _ in credentialsPath }, config.map { _ in configPath }].compactMap { $0 }.joined(separator: " and "))"
        }
    }
}
