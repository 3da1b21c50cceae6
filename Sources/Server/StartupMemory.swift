import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Memory that only the start needs: what was allocated to read the configuration and the journal, and program text, for parsing the
/// command line and the configuration, opening the journal, the runtime's type metadata. The kernel maps 16 pages around each page that is
/// touched, and keeps them mapped: most of an idle server's resident memory.
enum StartupMemory {
    /// Returns freed memory to the system, which glibc keeps otherwise (malloc_trim(3)): with thousands of apps it is a large part of all. And
    /// unmaps all program text of this process. The kernel maps a page again, from the page cache, when it is touched.
    ///
    /// Only executable, read-only mappings of files: they have no changes to lose (madvise(2), MADV_DONTNEED).
    @Sendable static func drop() {
        #if canImport(Glibc)
            // Not among what Swift imports of glibc.
            if let trim = dlsym(nil, "malloc_trim") {
                _ = unsafeBitCast(trim, to: (@convention(c) (Int) -> Int32).self)(0)
            }
            guard let maps = try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8) else { return }
            for line in maps.split(separator: "\n") {
                // 55d0c6a00000-55d0c6c1e000 r-xp 00000000 fe:00 1234    /usr/bin/viridian
                let fields = line.split(separator: " ", omittingEmptySubsequences: true)
                guard fields.count >= 6, fields[1] == "r-xp", fields[5].hasPrefix("/") else { continue }
                let bounds = fields[0].split(separator: "-").compactMap { UInt(String($0), radix: 16) }
                guard bounds.count == 2, bounds[1] > bounds[0] else { continue }
                _ = madvise(UnsafeMutableRawPointer(bitPattern: bounds[0]), Int(bounds[1] - bounds[0]), MADV_DONTNEED)
            }
        #endif
    }
}
