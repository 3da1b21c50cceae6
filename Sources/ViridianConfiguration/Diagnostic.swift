/// One error in a configuration file.
package struct Diagnostic: Sendable, Hashable {
    /// The file's path, relative to the working directory if it is below it.
    package var file: String
    /// Counted from 1; `nil` for an error of the whole file.
    package var line: Int?
    /// The full key, such as `ports.blue`; `nil` if the error concerns none.
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

/// All errors in the configuration files.
package struct ConfigurationError: Error, Sendable, Hashable {
    package var diagnostics: [Diagnostic]

    package init(_ diagnostics: [Diagnostic]) {
        self.diagnostics = diagnostics
    }
}

extension ConfigurationError: CustomStringConvertible {
    /// One line for each diagnostic.
    package var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}
