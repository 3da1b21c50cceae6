import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Error {
    /// The system's message for system errors: `Address already in use`.
    var systemMessage: String { (self as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(self)" }
}
