# shellcheck shell=bash
# Connections to a port, one after the other, for exchange.sh: see `exchange` there for what they do. bash connects by
# itself, through /dev/tcp.
#
# Each attempt runs as a background job. The jobs report in lines of a pipe: NUMBER open, NUMBER next or NUMBER end STATUS
# REPLY. Any other line there is a message of bash's own.

port=$1 limit=$2 send=$3 mode=$4 host=$5 total=$6 accept=$7
# Drops bash's messages about this program: how its jobs ended, bytes that it leaves out.
exec 2>/dev/null
cr=$'\r' newline=$'\n'
# As text, because bash writes what printf makes of a format line by line, each in a packet of its own that may wait for an
# answer to the one before (RFC 9293, 3.7.4). FastCGI has bytes 0, which no text can hold.
# shellcheck disable=SC2059 # escapes like \015, checked in main.sh
text=$(printf "$send.")
text=${text%.}
# Each job in a process group of its own, which ends with everything that it has started.
set -m
parts='' number=0 kept='' message=''
end_parts() {
    for part in $parts; do
        kill -KILL -- "-${part#*:}"
        wait "${part#*:}"
    done
}
trap end_parts EXIT
trap 'exit 124' HUP INT TERM
exec 5<> <(:) || exit 127

good() {
    case $1 in
    "HTTP/1."?" "[23]*) ;;
    "HTTP/1."?" 4"*) [ "$accept" = any ] ;;
    *) return 1 ;;
    esac
}

# The answer to $send through TLS. The kubelet names no server either, and accepts any certificate.
ask_through_tls() {
    if command -v openssl >/dev/null; then
        reply=$(printf %s "$text" | openssl s_client -quiet -connect "$host:$port" 2>/dev/null | head -n 1)
        return
    fi
    headers=()
    path=${text#* }
    path=${path%% *}
    while IFS= read -r line; do
        line=${line%"$cr"}
        case $line in *:*) headers+=(-H "$line") ;; esac
    done <<<"${text#*"$newline"}"
    reply="HTTP/1.1 $(curl -qsk -o /dev/null -w '%{http_code}' --globoff --path-as-is --noproxy '*' --http1.1 \
        "${headers[@]}" "https://$host:$port$path")"
    [ "$reply" != 'HTTP/1.1 000' ] || reply=
}

# The first line of the answer; interim answers (1xx, RFC 9110, 15.2) are skipped.
ask() {
    printf %s "$text" >&3
    while IFS= read -r reply <&3; do
        case $reply in "HTTP/1."?" 1"*) ;; *) break ;; esac
        while IFS= read -r line <&3 && [ -n "${line%"$cr"}" ]; do :; done
    done
}

# Job $1: $2 connections.
work() {
    trap '' PIPE
    trap - EXIT
    left=$2 reply=
    while :; do
        if [ "$mode" = tls ]; then
            echo "$1 open"
            ask_through_tls
        elif exec 3<>"/dev/tcp/$host/$port"; then
            echo "$1 open"
            case $send:$mode:$reply in
            :*) ;;
            *:hex:)
                # shellcheck disable=SC2059 # as above
                printf "$send" >&3
                reply=$(head -c 4096 <&3 | od -An -v -tx1 | tr -d ' \n')
                ;;
            *:hex:*) ;;
            *) ask ;;
            esac
        else
            echo "$1 end 1"
            return
        fi
        case $mode in line | tls) [ -z "$send" ] || good "$reply" || break ;; esac
        left=$((left - 1))
        [ "$left" -gt 0 ] || break
        echo "$1 next"
    done
    echo "$1 end 0 $reply"
}

# Starts another job, with $1 connections to make.
begin() {
    number=$((number + 1))
    work "$number" "$1" >&5 2>&5 &
    parts="$parts $number:$!"
}

# Ends all jobs but $1.
only() {
    for part in $parts; do
        [ "${part%%:*}" != "$1" ] || { kept=$part; continue; }
        kill -KILL -- "-${part#*:}"
        wait "${part#*:}"
    done
    parts=" $kept"
}

begin "$total"
patience=0.2
while :; do
    if ! IFS= read -r -t "$patience" line <&5; then
        [ "$patience" = 0.2 ] || exit 124
        begin "$total"
        patience=$limit
        continue
    fi
    who=${line%% *}
    case $who in
    '' | *[!0-9]*)
        case $line in
        *connect:\ *) message=${line##*connect: } ;;
        *) message=${message:-$line} ;;
        esac
        continue
        ;;
    esac
    case "$parts" in *" $who:"*) ;; *) continue ;; esac
    case $line in
    *' open')
        only "$who"
        patience=$limit
        ;;
    *' next') [ "$number" -gt 1 ] || patience=0.2 ;;
    *' end '*)
        line=${line#* end }
        status=${line%% *}
        reply=${line#"$status"}
        [ "$status" = 0 ] || reply=" $message"
        printf %s "${reply# }"
        exit "$status"
        ;;
    esac
done
