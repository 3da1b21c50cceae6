import Mustache

/// What goes into one text of another language (HCL, YAML, nginx's configuration, shell). Its stored properties are the names
/// between the braces of its template.
///
/// Nothing is escaped. Whoever makes a value writes it as the language wants it: quoted, or checked to need no quotes.
package protocol TemplateValues: Sendable {
    static var template: TextTemplate { get }
}

extension TemplateValues {
    /// The template's text with these values in it.
    package var text: String { Self.template.filled(with: self) }
}

/// A `.mustache` file that is embedded in the program (mustache(5); no partials). A name that the values lack leaves nothing in the
/// text, so tests compare the two.
package struct TextTemplate: Sendable {
    /// The file as it is.
    package let source: String
    private let parsed: MustacheTemplate

    /// Ends the program where the file is not a template: it is a part of the program, and every one is filled in a test.
    package init(_ file: [UInt8]) {
        source = String(decoding: file, as: UTF8.self)
        do {
            // swift-mustache escapes values for HTML unless the template says otherwise. The line itself leaves nothing.
            parsed = try MustacheTemplate(string: "{{% CONTENT_TYPE: TEXT}}\n" + source)
        } catch {
            fatalError("a template does not parse: \(error)\n\(source)")
        }
    }

    fileprivate func filled(with values: some TemplateValues) -> String { parsed.render(values) }
}
