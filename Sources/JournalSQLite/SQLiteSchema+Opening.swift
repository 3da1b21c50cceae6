import Foundation
import GRDB
import Glibc

extension SQLiteSchema {
    /// Why a file cannot be the journal.
    enum Rejection: Error {
        case foreign
        case newer
        case damaged(String)
        case unusable(String)
    }

    /// Below this size the whole file is checked before it is used, which takes some ten milliseconds. Damage in a larger one is found when
    /// the damaged page is read.
    private static let checkedSize = 16 << 20

    /// Whether the journal has to be created. Throws when there is no folder for it.
    static func isMissing(_ path: String) throws -> Bool {
        let files = FileManager.default
        var isDirectory: ObjCBool = false
        if files.fileExists(atPath: path, isDirectory: &isDirectory) {
            if isDirectory.boolValue { throw Rejection.unusable("it is a directory") }
            return try size(path) == 0
        }
        let folder = (path as NSString).deletingLastPathComponent
        if !folder.isEmpty, !files.fileExists(atPath: folder) {
            throw Rejection.unusable("there is no folder \(folder)")
        }
        return true
    }

    /// Creates the file for its owner alone: the audit log is in it. SQLite gives the files beside it the same permissions.
    static func create(_ path: String) {
        let descriptor = Glibc.open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        // When it cannot be created, SQLite says why.
        guard descriptor >= 0 else { return }
        close(descriptor)
    }

    /// Reads an existing file, read-only: opening a database for writing may change it before it is known whether it is a journal.
    ///
    /// With `isWhole` it has to be a complete journal, and all of it is checked, whatever its size.
    static func check(_ path: String, isWhole: Bool = false) throws {
        var configuration = configuration
        configuration.readonly = true
        let isChecked = try isWhole || size(path) <= checkedSize
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.read { database in
            let owner = try Int64.fetchOne(database, sql: "PRAGMA application_id")
            // Without tables: the process that created it died before it was done.
            let isEmpty = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") == 0
            guard owner == applicationID || !isWhole && isEmpty && owner == 0 else { throw Rejection.foreign }
            if try migrator.appliedIdentifiers(database).contains(where: { !migrator.migrations.contains($0) }) {
                throw Rejection.newer
            }
            guard isChecked else { return }
            let found = try String.fetchOne(database, sql: "PRAGMA quick_check(1)") ?? "no answer"
            if found != "ok" { throw Rejection.damaged(found) }
        }
        try queue.close()
    }

    /// Opens it for writing, and applies the migrations that are missing.
    static func open(_ path: String) throws -> DatabasePool {
        // Of several processes that create it at the same moment only one can switch it to a write-ahead log: the others retry.
        let pool = try retrying { try DatabasePool(path: path, configuration: configuration) }
        // Here and not in `prepareDatabase`, after which a pool sets it to NORMAL: a power failure could then lose the last events.
        try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        if try pool.read({ try migrator.hasCompletedMigrations($0) }) { return pool }
        try pool.write { try $0.execute(sql: "PRAGMA application_id = \(applicationID)") }
        try migrate(pool)
        return pool
    }

    /// Applies the migrations that are missing, also while other processes do the same. A migration that another process has applied since
    /// this one looked fails here; the ones after it remain to be applied, by whoever is first.
    private static func migrate(_ pool: DatabasePool) throws {
        while true {
            let before = try applied(pool)
            do {
                return try migrator.migrate(pool)
            } catch {
                guard try applied(pool) > before else { throw error }
            }
        }
    }

    private static func applied(_ pool: DatabasePool) throws -> Int {
        try pool.read { try migrator.appliedIdentifiers($0).count }
    }

    private static var configuration: GRDB.Configuration {
        var configuration = GRDB.Configuration()
        configuration.busyMode = .timeout(5)
        return configuration
    }

    private static func retrying<T>(_ body: () throws -> T) throws -> T {
        for _ in 1..<50 {
            do {
                return try body()
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                Thread.sleep(forTimeInterval: 0.02)  // what the other one does takes about as long
            }
        }
        return try body()
    }

    private static func size(_ path: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
    }
}
