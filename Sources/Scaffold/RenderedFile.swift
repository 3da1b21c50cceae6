/// A file that is written once. From then on it belongs to the repository or the configuration management that takes it over.
package struct RenderedFile: Sendable, Hashable {
    /// Where it belongs, relative to the folder or machine that it is for: `etc/nginx/backends.d/blog.conf`.
    package var path: String
    package var text: String
    /// The permissions that it needs; `nil` where any will do.
    package var mode: Int?

    package init(path: String, text: String, mode: Int? = nil) {
        self.path = path
        self.text = text
        self.mode = mode
    }

    /// A file without values, embedded in the program.
    init(path: String, embedded file: [UInt8]) {
        self.init(path: path, text: String(decoding: file, as: UTF8.self))
    }
}
