/// One thing that is wrong in a configuration file.
package struct Diagnostic: Sendable, Hashable {
    /// The file as a person would name it: relative to where they stand, if it lies below.
    package var file: String
    /// Counted from 1; `nil` when it concerns the file as a whole.
    package var line: Int?
    /// The key and those around it, `ports.blue`; `nil` when it concerns none.
    package var key: String?
    package var message: String

    package init(file: String, line: Int? = nil, key: String? = nil, message: String) {
        self.file = file
        self.line = line
        self.key = key
        self.message = message
    }
}

extension Diagnostic: CustomStringConvertible {
    /// `apps/blog.yaml:3: ports.blue: expected a port between 30000 and 32767, found 80`
    package var description: String {
        [line.map { "\(file):\($0)" } ?? file, key, message].compactMap { $0 }.joined(separator: ": ")
    }
}

/// Everything that is wrong in the configuration files, found in one go.
package struct ConfigurationError: Error, Sendable, Hashable {
    package var diagnostics: [Diagnostic]

    package init(_ diagnostics: [Diagnostic]) {
        self.diagnostics = diagnostics
    }
}

extension ConfigurationError: CustomStringConvertible {
    /// One line a diagnostic.
    package var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}
