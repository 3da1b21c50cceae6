#pragma once

// libpq, PostgreSQL's client library, opened when a journal is in PostgreSQL: elsewhere the program is built and runs without it. A
// system-library target would link it, which needs it everywhere.
//
// The declarations are those of PostgreSQL's manual (https://www.postgresql.org/docs/15/libpq.html). The soname libpq.so.5 has stayed since
// PostgreSQL 8.2, and with it these functions: all are in version 12 and later.

struct pg_conn;
struct pg_result;

/// An option of a connection (PQconninfoParse). `value` is NULL where the text does not name it.
struct pq_option {
    const char *_Nullable keyword;
    /// The environment variable that is taken where the text does not name it; NULL: there is none.
    const char *_Nullable variable;
    const char *_Nullable compiled;
    const char *_Nullable value;
    const char *_Nullable label;
    const char *_Nullable display;
    int size;
};

/// A notice of LISTEN.
struct pq_notice {
    const char *_Nonnull channel;
    int sender;
    const char *_Nonnull payload;
};

/// ConnStatusType
enum { pq_connection_ok = 0, pq_connection_bad = 1 };
/// PostgresPollingStatusType
enum { pq_polling_failed = 0, pq_polling_reading = 1, pq_polling_writing = 2, pq_polling_ok = 3 };
/// ExecStatusType
enum { pq_empty_query = 0, pq_command_ok = 1, pq_tuples_ok = 2 };
/// PGVerbosity
enum { pq_errors_default = 1, pq_errors_verbose = 2 };

typedef void (*pq_notice_receiver)(void *_Nullable argument, const struct pg_result *_Nullable result);

/// The functions of libpq. A pointer to each, by its name without "PQ".
struct __attribute__((swift_attr("@Sendable"))) libpq {
    struct pq_option *_Nullable (*_Nonnull conninfoParse)(const char *_Nonnull text, char *_Nullable *_Nonnull problem);
    void (*_Nonnull conninfoFree)(struct pq_option *_Nullable options);
    void (*_Nonnull freemem)(void *_Nullable memory);

    struct pg_conn *_Nullable (*_Nonnull connectStartParams)(
        const char *_Nullable const *_Nonnull keywords, const char *_Nullable const *_Nonnull values, int expand_dbname);
    int (*_Nonnull connectPoll)(struct pg_conn *_Nonnull connection);
    int (*_Nonnull connectionNeedsPassword)(const struct pg_conn *_Nonnull connection);
    int (*_Nonnull setErrorVerbosity)(struct pg_conn *_Nonnull connection, int verbosity);
    void (*_Nonnull finish)(struct pg_conn *_Nonnull connection);
    int (*_Nonnull status)(const struct pg_conn *_Nonnull connection);
    char *_Nullable (*_Nonnull errorMessage)(const struct pg_conn *_Nonnull connection);
    int (*_Nonnull socket)(const struct pg_conn *_Nonnull connection);
    int (*_Nonnull backendPID)(const struct pg_conn *_Nonnull connection);
    char *_Nullable (*_Nonnull host)(const struct pg_conn *_Nonnull connection);
    char *_Nullable (*_Nonnull port)(const struct pg_conn *_Nonnull connection);
    int (*_Nonnull sslInUse)(const struct pg_conn *_Nonnull connection);
    int (*_Nonnull setnonblocking)(struct pg_conn *_Nonnull connection, int is_nonblocking);
    pq_notice_receiver _Nullable (*_Nonnull setNoticeReceiver)(
        struct pg_conn *_Nonnull connection, pq_notice_receiver _Nonnull receiver, void *_Nullable argument);

    int (*_Nonnull sendQuery)(struct pg_conn *_Nonnull connection, const char *_Nonnull sql);
    int (*_Nonnull sendQueryParams)(
        struct pg_conn *_Nonnull connection, const char *_Nonnull sql, int count, const unsigned int *_Nullable types,
        const char *_Nullable const *_Nullable values, const int *_Nullable lengths, const int *_Nullable formats, int result_format);
    int (*_Nonnull flush)(struct pg_conn *_Nonnull connection);
    int (*_Nonnull consumeInput)(struct pg_conn *_Nonnull connection);
    int (*_Nonnull isBusy)(struct pg_conn *_Nonnull connection);
    struct pg_result *_Nullable (*_Nonnull getResult)(struct pg_conn *_Nonnull connection);
    struct pq_notice *_Nullable (*_Nonnull notifies)(struct pg_conn *_Nonnull connection);

    int (*_Nonnull resultStatus)(const struct pg_result *_Nullable result);
    char *_Nullable (*_Nonnull resultErrorField)(const struct pg_result *_Nullable result, int field);
    char *_Nullable (*_Nonnull resultErrorMessage)(const struct pg_result *_Nullable result);
    char *_Nullable (*_Nonnull cmdStatus)(struct pg_result *_Nonnull result);
    char *_Nullable (*_Nonnull cmdTuples)(struct pg_result *_Nonnull result);
    int (*_Nonnull ntuples)(const struct pg_result *_Nonnull result);
    int (*_Nonnull nfields)(const struct pg_result *_Nonnull result);
    char *_Nullable (*_Nonnull fname)(const struct pg_result *_Nonnull result, int column);
    unsigned int (*_Nonnull ftype)(const struct pg_result *_Nonnull result, int column);
    int (*_Nonnull getisnull)(const struct pg_result *_Nonnull result, int row, int column);
    int (*_Nonnull getlength)(const struct pg_result *_Nonnull result, int row, int column);
    char *_Nullable (*_Nonnull getvalue)(const struct pg_result *_Nonnull result, int row, int column);
    void (*_Nonnull clear)(struct pg_result *_Nullable result);
};

/// Opens libpq, at the first call. From any thread.
/// - Returns: NULL when it cannot be used; `problem` then says why.
const struct libpq *_Nullable viridian_open_libpq(const char *_Nullable *_Nonnull problem);

/// From now on the connection prints no notices, and counts its warnings in `warnings`, which has to live longer.
void viridian_count_warnings(struct pg_conn *_Nonnull connection, int *_Nonnull warnings);
