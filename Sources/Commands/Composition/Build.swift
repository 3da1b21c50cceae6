import BuildRecord

/// Which program this is, and how it was built: what `viridian version` prints.
struct Build: Sendable, Hashable, Encodable {
    /// `0.1.0`.
    var version: String
    /// The commit that it was built from, with `-modified` if files had been edited; `nil` in a development build.
    var commit: String?
    /// The day in UTC that the package carries: that of `SOURCE_DATE_EPOCH` when it was built, or else of the commit, so that the same
    /// sources make the same bytes.
    var built: String?
    /// `release`, or `debug`.
    var configuration: String
    /// The version of the Swift compiler.
    var swift: String
    /// Operating system and processor: `linux x86_64`.
    var platform: String

    /// This program.
    static let current = Build(record: String(cString: viridian_build_record()))

    /// - Parameter record: what was written into the program: `commit=abc1234 built=2026-11-26 swift=6.3.1`; what is missing is not known.
    init(record: String) {
        var facts: [Substring: String] = [:]
        for word in record.split(separator: " ") {
            let parts = word.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { facts[parts[0]] = String(parts[1]) }
        }
        version = Viridian.version
        commit = facts["commit"]
        built = facts["built"]
        configuration = Self.configuration
        swift = facts["swift"] ?? Self.swift
        platform = Self.platform
    }

    /// One line: `viridian 0.1.0 (commit abc1234, built 2026-11-26, release, Swift 6.3.1, linux x86_64)`.
    var line: String {
        let origin = commit.map { "commit \($0)" } ?? "development build"
        let parts = [origin, built.map { "built \($0)" }, configuration, "Swift \(swift)", platform].compactMap(\.self)
        return "viridian \(version) (\(parts.joined(separator: ", ")))"
    }

    private enum CodingKeys: String, CodingKey {
        case version, commit, built, configuration, swift, platform
    }

    /// What is not known is `null`: the object always has the same fields.
    func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(version, forKey: .version)
        try fields.encode(commit, forKey: .commit)
        try fields.encode(built, forKey: .built)
        try fields.encode(configuration, forKey: .configuration)
        try fields.encode(swift, forKey: .swift)
        try fields.encode(platform, forKey: .platform)
    }
}

extension Build {
    #if DEBUG
        private static let configuration = "debug"
    #else
        private static let configuration = "release"
    #endif

    // As far as a program can tell without being told.
    #if compiler(>=6.5)
        private static let swift = "6.5 or newer"
    #elseif compiler(>=6.4)
        private static let swift = "6.4"
    #elseif compiler(>=6.3)
        private static let swift = "6.3"
    #else
        private static let swift = "6.2"
    #endif

    #if os(Linux)
        private static let system = "linux"
    #elseif os(macOS)
        private static let system = "macos"
    #else
        private static let system = "unknown"
    #endif

    #if arch(x86_64)
        private static let platform = system + " x86_64"
    #elseif arch(arm64)
        private static let platform = system + " aarch64"
    #else
        private static let platform = system
    #endif
}
