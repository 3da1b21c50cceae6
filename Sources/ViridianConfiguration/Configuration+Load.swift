import Foundation
import Glibc

extension Configuration {
    /// Reads `viridian.yaml` and the files of its apps.
    ///
    /// - Parameters:
    ///   - file: The absolute path of `viridian.yaml`, as `ConfigurationFile.locate` gives it.
    ///   - environment: The values for `${NAME}` and `~`.
    ///   - workingDirectory: Errors name files below it by their relative path.
    /// - Returns: The valid configuration.
    /// - Throws: `ConfigurationError` with all errors in all files.
    package static func load(
        file: String,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        workingDirectory: String = FileManager.default.currentDirectoryPath
    ) throws(ConfigurationError) -> Configuration {
        try load(file, ReadingContext(environment: environment, workingDirectory: workingDirectory))
    }

    /// Reads the configuration for somebody who writes files from it and uses no secret: a secret may name a variable that is not set.
    ///
    /// - Returns: The valid configuration, and its files as they are written.
    /// - Throws: `ConfigurationError` with all errors in all files.
    package static func loadWithText(
        file: String,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        workingDirectory: String = FileManager.default.currentDirectoryPath
    ) throws(ConfigurationError) -> (Configuration, ConfigurationText) {
        let context = ReadingContext(
            environment: environment, workingDirectory: workingDirectory, toleratesUnsetSecrets: true)
        let configuration = try load(file, context)
        return (configuration, ConfigurationText(context, of: configuration))
    }

    private static func load(_ file: String, _ context: ReadingContext) throws(ConfigurationError) -> Configuration {
        let workingDirectory = context.workingDirectory
        let source = SourceFile(
            absolutePath(file, from: workingDirectory), workingDirectory: workingDirectory)
        var configuration: Configuration?
        if let yaml = YAMLFile(SourceText(source), context), let root = Section(yaml, known: keys, context) {
            configuration = Configuration(root)
            let files = appFiles(root, context)
            // One after the other: parsed, they are many times as large as the values that are read from them.
            let apps = files.compactMap { file in
                YAMLFile(file, context).flatMap {
                    AppConfiguration($0, clusters: configuration?.clusters, context)
                }
            }
            // With an error in an app's file it is not known which apps there are.
            let names = apps.count == files.count ? apps.map(\.name.text).sorted() : nil
            let freeze = FreezeWindow.list(root, apps: names)
            let slack = SlackConfiguration(root, apps: names)
            let notify = NotifyConfiguration.list(root, apps: names)
            configuration?.apps = apps
            configuration?.freeze = freeze
            configuration?.slack = slack
            configuration?.notify = notify
        }
        guard let configuration, context.diagnostics.isEmpty else {
            throw ConfigurationError(context.sortedDiagnostics)
        }
        return configuration
    }

    /// The files that `apps` names, without the pod templates that these files name.
    private static func appFiles(_ root: Section, _ context: ReadingContext) -> [SourceText] {
        let source = root.location.file
        let kind = Kind<Glob>("the path of a file, or a pattern such as apps/*.yaml") { scalar throws(Mismatch) in
            Glob(try Kind.path.parse(scalar), in: scalar.text.hasPrefix("/") ? "" : scalar.file.directory)
        }
        var paths: [String] = []
        var known: Set<String> = [source.path]
        for glob in root.list("apps", kind, orOne: true) ?? [Glob(source.resolve("apps/*.yaml"), in: source.directory)]
        {
            let matches = glob.files()
            if matches.isEmpty, !glob.isPattern {
                let shown = SourceFile(glob.path, workingDirectory: context.workingDirectory).display
                root.report("expected an app's file, but \(shown) does not exist", at: "apps")
            }
            paths += matches.filter { known.insert($0).inserted }
        }
        let files = paths.map { SourceText(SourceFile($0, workingDirectory: context.workingDirectory)) }
        let templates = Set(files.compactMap { templatePath($0, context) })
        return files.filter { !templates.contains($0.source.path) }
    }

    /// The pod template that a file names. Errors in the file are reported when it is read as an app.
    private static func templatePath(_ file: SourceText, _ context: ReadingContext) -> String? {
        // Few files name one: only these are parsed twice.
        guard file.mayContain("template") else { return nil }
        let discarded = ReadingContext(
            environment: context.environment, workingDirectory: context.workingDirectory,
            toleratesUnsetSecrets: context.toleratesUnsetSecrets)
        return YAMLFile(file, discarded).flatMap { Section($0, known: AppConfiguration.keys, discarded) }?
            .read("template", .path)
    }
}

/// A shell pattern for file names, glob(7).
struct Glob {
    let path: String
    /// The length of the path's literal prefix, the directory; the rest is the pattern.
    private let literal: Int

    init(_ path: String, in directory: String) {
        self.path = path
        literal = path.hasPrefix(directory) ? directory.count : 0
    }

    private static let special: Set<Character> = ["*", "?", "[", "\\"]

    var isPattern: Bool { path.dropFirst(literal).contains { Self.special.contains($0) } }

    /// The matching files, without directories, sorted by name.
    func files() -> [String] {
        let escaped = path.prefix(literal).map { Self.special.contains($0) ? "\\\($0)" : "\($0)" }.joined()
        var matches = glob_t()
        defer { globfree(&matches) }
        guard glob(escaped + path.dropFirst(literal), 0, nil, &matches) == 0 else { return [] }
        return (0..<Int(matches.gl_pathc)).compactMap { matches.gl_pathv[$0].map { String(cString: $0) } }.filter {
            path in
            var isDirectory: ObjCBool = false
            return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && !isDirectory.boolValue
        }
    }
}
