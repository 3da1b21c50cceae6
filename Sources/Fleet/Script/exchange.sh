# shellcheck shell=sh
# Connections to the candidate's port: one after the other, each with a request and its answer. By bash
# (exchange.bash), or else by nc.
#
# For other parts: exchange

# Connects to port $1 of $probe_host, one connection after the other, until there were $connections: behind one
# NodePort there may be a pod that is gone, which only some of them reach. One by one, since all nodes do this at the
# same time, and a pod that accepts slowly would drop connections of a crowd. Each sends the bytes that printf makes
# of $3 and has $2 seconds to be answered; with nothing to send, a connection is enough. It prints the first line of
# the last reply, and ends at the first one that is not good. $4 is hex: the reply as hexadecimal digits, of the first
# connection only; tls: through TLS, with whatever certificate; line: the first line.
#
# One packet lost while connecting costs a second (RFC 6298, 2.1). So when the first connection is not there after 200
# ms, a second one is tried in parallel. Whichever comes first counts, the other is ended. It may have been a pod that
# is gone, though: the count begins anew then, and a second slow one is waited for.
exchange() {
    if command -v bash >/dev/null; then
        exec $as_nginx timeout "${probe_left:-$2}" bash -c "$exchange_bash" sh \
            "$1" "$2" "$3" "$4" "$probe_host" "$connections" "$accept" 2>&1 </dev/null 9>&-
    elif [ "$4" = tls ] || command -v nc >/dev/null; then
        exchange_by_nc "$@"
    else
        exit 127
    fi
}

# The same with nc, which does not tell when it is connected: here the answer is waited for.
exchange_by_nc() {
    [ -d "$state" ] || mkdir -p "$state" 2>/dev/null || return 127
    asked=$state/.$app.$token.probe
    left=$connections reply='' status=0 number=0
    while [ "$left" -gt 0 ]; do
        nc_once "$@"
        left=$((left - 1))
        [ "$status" = 0 ] || break
        case $4 in line | tls) is_good_line "$reply" || break ;; esac
    done
    rm -f "$asked.request" "$asked.1" "$asked.2"
    printf %s "$reply"
    return "$status"
}

is_good_line() {
    case $1 in
    "HTTP/1."?" "[23]*) ;;
    "HTTP/1."?" 4"*) [ "$accept" = any ] ;;
    *) return 1 ;;
    esac
}

# One connection, with a second one in parallel when it is slow.
nc_once() {
    # shellcheck disable=SC2059 # escapes like \015, checked in main; FastCGI has bytes 0, which no variable can hold
    printf "$3" >"$asked.request"
    parts=
    start_nc 1 "$@"
    clock
    nc_until=$((now + $2 * 100)) second_at=$((now + 20))
    status=124 reply=
    until nc_has_answered "$@"; do
        clock
        [ "$now" -lt "$nc_until" ] || break
        if [ "$number" = 0 ] && [ "$now" -ge "$second_at" ]; then
            start_nc 2 "$@"
            number=2 left=$((connections + 1))
        fi
        pause
    done
    for part in $parts; do
        kill "$part"
        wait "$part"
    done 2>/dev/null
}

start_nc() {
    : >"$asked.$1"
    case $5 in
    tls)
        $as_nginx timeout "$3" openssl s_client -quiet -connect "$probe_host:$2" \
            <"$asked.request" >>"$asked.$1" 2>/dev/null 9>&- &
        ;;
    hex) $as_nginx timeout "$3" nc "$probe_host" "$2" <"$asked.request" >>"$asked.$1" 2>/dev/null 9>&- & ;;
    *) $as_nginx timeout "$3" nc "$probe_host" "$2" <"$asked.request" >>"$asked.$1" 2>&1 9>&- & ;;
    esac
    parts="$parts $!"
}

# Sets $reply and $status when one of $parts has an answer, or all have ended.
nc_has_answered() {
    running_parts=no each=0
    for part in $parts; do
        each=$((each + 1)) stat='' line=''
        { read -r stat <"/proc/$part/stat"; } 2>/dev/null
        case ${stat##*) } in '' | [ZX]*) part_ended=yes ;; *) part_ended='' running_parts=yes ;; esac
        case $3:$4 in
        :*)
            # nc waits until the other side closes: that it still waits shows that it was accepted.
            if [ -n "$part_ended" ] && [ ! -s "$asked.$each" ]; then
                status=0
                return
            fi
            ;;
        *:hex)
            if [ -n "$part_ended" ] && [ -s "$asked.$each" ]; then
                reply=$(head -c 4096 "$asked.$each" | od -An -v -tx1 | tr -d ' \n') status=0
                return
            fi
            ;;
        *)
            if first_line <"$asked.$each"; then
                reply=$line status=0
                return
            fi
            ;;
        esac
    done
    if [ "$running_parts" = yes ]; then
        [ -z "$3" ] && nc_is_connected "$1" || return 1
        status=0
        return
    fi
    status=0
    if [ -z "$3" ]; then
        status=1
        { IFS= read -r reply; } <"$asked.1"
    fi
}

# The first line of an answer, in $line; interim answers (1xx) are skipped.
first_line() {
    while IFS= read -r line; do
        case $line in "HTTP/1."?" 1"*) ;; ?*) return 0 ;; *) return 1 ;; esac
        while IFS= read -r line && [ -n "${line%?}" ]; do :; done
    done
    return 1
}

# Whether there is an accepted connection to port $1 of the address in use, 127.0.0.1 or 127.0.0.2; nc may have closed
# its own end.
nc_is_connected() {
    last=${probe_host##*.}
    grep -qE "^ *[0-9]+: [0-9A-F]+:[0-9A-F]{4} (0${last}00007F|7F00000$last):$(printf %04X "$1") 0[1458] " \
        /proc/net/tcp 2>/dev/null
}
