#include "CPostgreSQL.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct libpq functions;
static int is_open = 0;
static char reason[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/// Sets a pointer to a function. POSIX says that what dlsym returns may be one, C does not: hence the copy.
static int find(void *library, const char *name, void *pointer) {
    void *symbol = dlsym(library, name);
    if (symbol == NULL) {
        snprintf(reason, sizeof reason, "libpq.so.5 has no %s", name);
        return 0;
    }
    memcpy(pointer, &symbol, sizeof symbol);
    return 1;
}

static void open_library(void) {
    // Stays open as long as the program runs.
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        const char *error = dlerror();
        snprintf(reason, sizeof reason, "%s", error == NULL ? "libpq.so.5 cannot be opened" : error);
        return;
    }
#define FIND(name) find(library, "PQ" #name, &functions.name)
    is_open = FIND(conninfoParse) && FIND(conninfoFree) && FIND(freemem) && FIND(connectStartParams) && FIND(connectPoll) &&
              FIND(connectionNeedsPassword) && FIND(setErrorVerbosity) && FIND(finish) && FIND(status) &&
              FIND(errorMessage) && FIND(socket) && FIND(backendPID) && FIND(host) && FIND(port) && FIND(sslInUse) &&
              FIND(setnonblocking) && FIND(setNoticeReceiver) && FIND(sendQuery) && FIND(sendQueryParams) && FIND(flush) &&
              FIND(consumeInput) && FIND(isBusy) && FIND(getResult) && FIND(notifies) && FIND(resultStatus) &&
              FIND(resultErrorField) && FIND(resultErrorMessage) && FIND(cmdStatus) && FIND(cmdTuples) && FIND(ntuples) &&
              FIND(nfields) && FIND(fname) && FIND(ftype) && FIND(getisnull) && FIND(getlength) && FIND(getvalue) && FIND(clear);
#undef FIND
}

const struct libpq *viridian_open_libpq(const char **problem) {
    pthread_once(&once, open_library);
    if (!is_open) {
        *problem = reason;
        return NULL;
    }
    return &functions;
}

static void count_warnings(void *warnings, const struct pg_result *result) {
    // PG_DIAG_SEVERITY_NONLOCALIZED
    const char *severity = functions.resultErrorField(result, 'V');
    if (severity != NULL && strcmp(severity, "WARNING") == 0) *(int *)warnings += 1;
}

void viridian_count_warnings(struct pg_conn *connection, int *warnings) {
    functions.setNoticeReceiver(connection, count_warnings, warnings);
}
