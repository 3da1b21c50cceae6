# shellcheck shell=sh
# nginx's processes: its master, its workers, whether a reload was taken, what it writes to its logs.
#
# For other parts: find_master, read_workers, nginx_facts; workers_replaced, reload_ignored, same_master, wait_until_idle;
# test_configuration, reloads_by_signal; mark_logs, added_to_logs; ids; $master, $running, $draining

# Start time of process $1 in $since, in hundredths of a second since boot: field 22 of its stat (proc(5)); USER_HZ is
# 100.
read_start_time() {
    since='' stat=''
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null
    [ -n "$stat" ] || return 1
    # shellcheck disable=SC2086 # a word a field
    start_time_field ${stat##*) }
}

start_time_field() { since=${20}; }

# The title of process $1, in $title.
read_title() {
    title=
    { read -r title <"/proc/$1/cmdline"; } 2>/dev/null
}

# The effective user and group of process $1 (proc(5), status).
ids() {
    uid='' gid=''
    {
        while read -r key _ effective _; do
            case $key in
            Uid:) uid=$effective ;;
            Gid:)
                gid=$effective
                return 0
                ;;
            esac
        done <"/proc/$1/status"
    } 2>/dev/null
    return 1
}

is_master() {
    is_number "$1" && read_title "$1"
    case $title in "nginx: master process"*) read_start_time "$1" ;; *) return 1 ;; esac
}

# Whether the file $1 names a running master.
master_of() {
    candidate=
    { read -r candidate <"$1"; } 2>/dev/null
    is_master "$candidate" || return 1
    master=$candidate master_since=$since
}

# The value of the directive $2 in the configuration file $1.
directive_of() {
    sed -e 's/#.*//' -e 's/[;{}]/\n/g' "$1" 2>/dev/null |
        sed -n "s/^[[:space:]]*$2[[:space:]]\{1,\}//p" | sed -n 1p | tr -d "\"' \t\r"
}

# The running master: by the operator's pid file, the pid file that was found last time, the configuration that the
# test command names, the pid file that nginx was built with, the usual one.
locate_master() {
    master='' remembered=''
    if [ -n "$pid" ]; then
        master_of "$pid"
        return
    fi
    { read -r remembered <"$state/pidfile"; } 2>/dev/null
    [ -n "$remembered" ] && master_of "$remembered" && return
    [ -n "$tested" ] || test_configuration
    configuration=$(printf '%s\n' "$test_output" |
        sed -n -e 's/ syntax is ok$//' -e 's/ test is successful$//' -e 's/ test failed$//' \
            -e 's/^nginx: \(the \)\{0,1\}configuration file //p' | sed -n 1p)
    built=$(nginx -V 2>&1 | tr ' ' '\n')
    prefix=$(printf '%s\n' "$test_command" | sed -n 's/.* -p *\([^ ]*\).*/\1/p')
    [ -n "$prefix" ] || prefix=$(printf '%s\n' "$built" | sed -n 's/^--prefix=//p')
    built_pid=$(printf '%s\n' "$built" | sed -n 's/^--pid-path=//p')
    for found in "$(directive_of "$configuration" pid)" "$built_pid" /run/nginx.pid; do
        case $found in '') continue ;; /*) ;; *) found=$prefix/$found ;; esac
        master_of "$found" || continue
        [ "$action" = inspect ] || { printf '%s\n' "$found" >"$state/pidfile"; } 2>/dev/null
        return 0
    done
    return 1
}

# The master and its workers.
find_master() { locate_master && read_workers; }

# The children of process $1, in $kids.
children() {
    kids=
    if [ -r "/proc/$1/task/$1/children" ]; then
        { read -r kids <"/proc/$1/task/$1/children"; } 2>/dev/null
        return
    fi
    set +f
    for entry in /proc/[0-9]*; do
        stat=
        { read -r stat <"$entry/stat"; } 2>/dev/null
        stat=${stat##*) }
        stat=${stat#* }
        [ "${stat%% *}" != "$1" ] || kids="$kids ${entry#/proc/}"
    done
    set -f
}

# The workers that accept connections, as PID:START, in $running; those that finish their last requests in $draining;
# all children in $present_workers, for a worker that was started a moment ago has no name yet. A start time is read
# only once per process: many shells read a file byte by byte, each byte a system call, and stat is long.
read_workers() {
    running='' draining='' known_workers=$present_workers present_workers=''
    children "$master"
    for child in $kids; do
        case "$known_workers " in
        *" $child:"*)
            since=${known_workers##*" $child:"}
            since=${since%% *}
            ;;
        *) read_start_time "$child" || continue ;;
        esac
        present_workers="$present_workers $child:$since"
        read_title "$child"
        case $title in
        "nginx: worker process is shutting down"*) draining="$draining $child" ;;
        "nginx: worker process"*) running="$running $child:$since" ;;
        esac
    done
    running=${running# } draining=${draining# }
}

# What `read_workers` found.
nginx_facts() {
    if [ -z "$master" ]; then
        fact master none
        return
    fi
    fact master "$master"
    fact workers "$running"
    fact draining "$draining"
}

# None of the children $1 accepts connections any more, and at least one other worker does.
workers_replaced() {
    read_workers
    [ -n "$running" ] || return 1
    for worker in $running; do
        case " $1 " in *" $worker "*) return 1 ;; esac
    done
}

# The master is idle, and all its children are among $1: it has not loaded what it was asked to load.
reload_ignored() {
    wait_until_idle || return
    read_workers
    for worker in $present_workers; do
        case " $1 " in *" $worker "*) ;; *) return 1 ;; esac
    done
}

same_master() { read_start_time "$master" && [ "$since" = "$master_since" ]; }

# Waits until the master is not in the middle of a reload that someone else asked for: that one could have read the
# file as it was before, and its new workers would look like ours. An idle master sleeps in sigsuspend(2); where the
# kernel does not name the call (wchan), sleeping has to do. Fails when the master does not become idle within a
# second.
wait_until_idle() {
    clock
    idle_until=$((now + 100))
    while :; do
        wchan='' stat=''
        { read -r wchan <"/proc/$master/wchan"; } 2>/dev/null
        case $wchan in
        *sigsuspend*) return 0 ;;
        '' | 0)
            { read -r stat <"/proc/$master/stat"; } 2>/dev/null
            case ${stat##*) } in S*) return 0 ;; esac
            ;;
        esac
        clock
        [ "$now" -lt "$idle_until" ] || return 1
        pause
    done
}

test_configuration() {
    run_command "$test_command"
    tested=$status test_output=$output
}

# `nginx -s reload` reads the whole configuration, which was tested a moment ago, only to find the master and send it
# SIGHUP.
reloads_by_signal() { [ "$reload" = 'nginx -s reload' ]; }

# Remembers in $marks how long each of the log files $1 is now: lines of NEXT-BYTE PATH. The master's own error log is its
# standard error (ngx_log_redirect_stderr), /proc/$master/fd/2.
mark_logs() {
    marks=
    for log_file in $1; do
        [ -f "$log_file" ] || continue
        log_size=$(stat -L -c %s "$log_file" 2>/dev/null) || continue
        marks="$marks$((log_size + 1)) $log_file$newline"
    done
}

# What was added to the log files since the marks $1.
added_to_logs() {
    rest=$1
    while [ -n "$rest" ]; do
        each=${rest%%"$newline"*} rest=${rest#*"$newline"}
        tail -c "+${each%% *}" "${each#* }" 2>/dev/null
    done
}
