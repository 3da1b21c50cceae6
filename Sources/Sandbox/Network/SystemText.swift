import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Error {
    /// The system's own words where it is an error of the system: `Address already in use`.
    var systemText: String { (self as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(self)" }
}
