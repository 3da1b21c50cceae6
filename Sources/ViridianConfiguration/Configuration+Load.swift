import Foundation
import Glibc

extension Configuration {
    /// Reads `viridian.yaml` and the files of its apps.
    ///
    /// - Parameters:
    ///   - file: The absolute path of `viridian.yaml`, as `ConfigurationFile.locate` gives it.
    ///   - environment: What `${NAME}` and `~` stand for.
    ///   - workingDirectory: Files below it are named relative to it in errors.
    /// - Returns: The configuration, free of errors.
    /// - Throws: `ConfigurationError` with everything that is wrong in any of the files.
    package static func load(
        file: String,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        workingDirectory: String = FileManager.default.currentDirectoryPath
    ) throws(ConfigurationError) -> Configuration {
        let context = ReadingContext(environment: environment, workingDirectory: workingDirectory)
        let source = SourceFile(
            absolutePath(file, from: workingDirectory), workingDirectory: workingDirectory)
        var configuration: Configuration?
        if let yaml = YAMLFile(source, context), let root = Section(yaml, known: keys, context) {
            configuration = Configuration(root)
            let files = appFiles(root, context)
            configuration?.apps = files.compactMap { AppConfiguration($0, context) }
        }
        guard let configuration, context.diagnostics.isEmpty else {
            throw ConfigurationError(context.sortedDiagnostics)
        }
        return configuration
    }

    /// The files that `apps` names. A pod template may lie beside the app that uses it, and is no app itself.
    private static func appFiles(_ root: Section, _ context: ReadingContext) -> [YAMLFile] {
        let patterns = root.list("apps", .path, orOne: true) ?? [root.location.file.resolve("apps/*.yaml")]
        var paths: [String] = []
        for pattern in patterns {
            let matches = Glob.files(pattern)
            if matches.isEmpty, !Glob.isPattern(pattern) {
                let shown = SourceFile(pattern, workingDirectory: context.workingDirectory).display
                root.report("expected the file of an app, but there is no \(shown)", at: "apps")
            }
            paths += matches.filter { !paths.contains($0) && $0 != root.location.file.path }
        }
        let files = paths.map { SourceFile($0, workingDirectory: context.workingDirectory) }
        let templates = Set(files.compactMap { templatePath($0, context) })
        return files.filter { !templates.contains($0.path) }.compactMap { YAMLFile($0, context) }
    }

    /// The pod template that a file names; what is wrong with the file is reported when it is read as an app.
    private static func templatePath(_ source: SourceFile, _ context: ReadingContext) -> String? {
        let aside = ReadingContext(environment: context.environment, workingDirectory: context.workingDirectory)
        return YAMLFile(source, aside).flatMap { Section($0, known: AppConfiguration.keys, aside) }?
            .read("template", .path)
    }
}

/// Shell patterns for file names: glob(7).
enum Glob {
    static func isPattern(_ text: String) -> Bool { text.contains { "*?[".contains($0) } }

    /// The files, not directories, that match, in the order of their names.
    static func files(_ pattern: String) -> [String] {
        var matches = glob_t()
        defer { globfree(&matches) }
        guard glob(pattern, 0, nil, &matches) == 0 else { return [] }
        return (0..<Int(matches.gl_pathc)).compactMap { matches.gl_pathv[$0].map { String(cString: $0) } }.filter {
            path in
            var isDirectory: ObjCBool = false
            return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && !isDirectory.boolValue
        }
    }
}
