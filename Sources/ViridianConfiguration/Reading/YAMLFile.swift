import Foundation
import Yams

/// A parsed YAML file, as nodes with their lines.
struct YAMLFile {
    let source: SourceFile
    let text: String
    let root: Node

    /// Reports why the file cannot be read: it does not exist, is not readable, not UTF-8, not YAML, or empty.
    init?(_ file: SourceText, _ context: ReadingContext) {
        source = file.source
        let whole = Location(file: source)
        switch file.content {
        case .success(let text): self.text = text
        case .failure(let unreadable):
            context.report(unreadable.problem, at: whole)
            return nil
        }
        context.texts[source.path] = text
        do {
            // Without an encoding, Yams reads it from the environment and prints it. With its default resolver, it tries seven regular
            // expressions on each key, for types that nothing here asks for.
            guard let root = try Yams.compose(yaml: text, .basic, .default, .utf8), !root.isNothing else {
                context.report("the file is empty", at: whole)
                return nil
            }
            self.root = root
        } catch let error as YamlError {
            let (line, key, message) = Self.explain(error)
            context.report(message, at: Location(file: source, line: line, key: key))
            return nil
        } catch {
            context.report("not YAML: \(error)", at: whole)
            return nil
        }
    }

    /// Only the problem is taken from Yams' errors: their descriptions quote the file, which may contain secrets.
    private static func explain(_ error: YamlError) -> (line: Int?, key: String?, message: String) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let place = context.map { " \($0.text)" + ($0.mark.line == mark.line ? "" : " of line \($0.mark.line)") }
            return (mark.line, nil, "not YAML: \(problem)\(place ?? "")")
        case .reader(let problem, let offset, _, let yaml):
            let line = offset.map { yaml.prefix($0).count(where: \.isNewline) + 1 }
            return (line, nil, "not YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let keys = duplicates.map { Excerpt.quoted($0) }.joined(separator: ", ")
            return (context.mark.line, nil, "expected each key once, found \(keys) more than once in the same place")
        default:
            return (nil, nil, "not YAML")
        }
    }
}
