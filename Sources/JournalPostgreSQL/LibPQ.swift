import CPostgreSQL
import Journal

/// PostgreSQL's client library, opened at the first journal that is in PostgreSQL.
enum LibPQ {
    private static let opened: Result<libpq, Missing> = {
        var problem: UnsafePointer<CChar>?
        if let functions = viridian_open_libpq(&problem) { return .success(functions.pointee) }
        return .failure(Missing(problem: problem.map { String(cString: $0) } ?? "libpq.so.5 cannot be opened"))
    }()

    private struct Missing: Error { var problem: String }

    static func open() throws(PostgreSQLFailure) -> libpq {
        do {
            return try opened.get()
        } catch {
            throw PostgreSQLFailure(
                .missingLibrary,
                "PostgreSQL's client library is not on this machine (\(error.problem)): apt-get install libpq5")
        }
    }
}

extension String {
    /// The text of a C string that libpq owns; empty for NULL.
    init(libpq text: UnsafePointer<CChar>?) { self = text.map { String(cString: $0) } ?? "" }
}
