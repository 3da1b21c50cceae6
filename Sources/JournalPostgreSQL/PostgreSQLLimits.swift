/// How long what may be waited for.
struct PostgreSQLLimits: Sendable {
    /// A transaction that failed because of what may pass is not begun again after this time.
    var retries = Duration.seconds(5)
    /// What became of a commit whose answer was lost is looked for this long.
    var readBack = Duration.seconds(10)
    /// For one statement, by the server.
    var statement = Duration.seconds(10)
    /// For the other transactions. Longer than `idle`: one that has stopped in the middle is ended first.
    var lock = Duration.seconds(8)
    /// A transaction whose program says nothing for this long is ended by the server, and keeps nobody waiting any more.
    var idle = Duration.seconds(5)
    /// For an answer: longer than the server's own limits.
    var answer = Duration.seconds(12)

    /// For migrations, which may have to go through large tables.
    static let migrations = PostgreSQLLimits(
        statement: .seconds(600), lock: .seconds(30), idle: .seconds(30), answer: .seconds(660))
}
