extension NodeScript {
    /// Connections to the candidate's port: one after the other, each asked and answered.
    static let exchanging = #"""
        # ---- connections to a port ----

        # Connections to port $1 of $probe_host, one after the other, until there were $connections: behind one NodePort
        # there may be a pod that is gone, which only some of them meet. One by one, since all nodes ask at once, and a pod
        # that takes connections slowly would drop those of a crowd. Each gets the bytes that printf makes of $3, and has
        # $2 seconds to be answered; with nothing to send, a connection is enough. It answers with the first line of the last
        # reply, and ends at the first one that is not good. $4 is hex: the reply as hexadecimal digits, of the first
        # connection only; tls: through TLS, with whatever certificate.
        #
        # One packet that is lost as a connection is made costs a second (RFC 6298, 2.1). So the first one that is not there
        # after 200 ms is tried again beside. Who comes first counts, and the other is ended. It may have been a pod that is
        # gone, though: the count begins anew then, and a second slow one is waited for.
        exchange() {
            if command -v bash >/dev/null; then
                exec $as_nginx timeout "${probe_left:-$2}" bash -c "$exchange_program" sh \
                    "$1" "$2" "$3" "$4" "$probe_host" "$connections" "$accept" 2>&1 </dev/null 9>&-
            elif [ "$4" = tls ] || command -v nc >/dev/null; then
                exchange_by_nc "$@"
            else
                exit 127
            fi
        }

        # For bash, which connects by itself. The parts tell each other what happens in lines of a pipe: NUMBER open, next or
        # end STATUS REPLY; what else there is are bash's own words.
        exchange_program='
            port=$1 limit=$2 send=$3 mode=$4 host=$5 total=$6 accept=$7
            # Nobody is told of what bash has to say of this program: how its parts end, bytes that it leaves out.
            exec 2>/dev/null
            cr=$(printf "\r")
            # As text, for bash writes what printf makes of a format line by line, each in a packet of its own that may wait
            # for an answer to the one before (RFC 9293, 3.7.4). FastCGI has bytes 0, which no text can hold.
            text=$(printf "$send.")
            text=${text%.}
            # Each part in a process group of its own, which ends with what it has started.
            set -m
            parts= number=0 kept= words=
            end_parts() {
                for part in $parts; do
                    kill -KILL -- "-${part#*:}"
                    wait "${part#*:}"
                done
            }
            trap end_parts EXIT
            trap "exit 124" HUP INT TERM
            exec 5<> <(:) || exit 127

            good() {
                case $1 in
                "HTTP/1."?" "[23]*) ;;
                "HTTP/1."?" 4"*) [ "$accept" = any ] ;;
                *) return 1 ;;
                esac
            }

            # The answer to $send through TLS. The kubelet names no server either, and takes any certificate.
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
                done <<<"${text#*
        }"
                reply="HTTP/1.1 $(curl -qsk -o /dev/null -w "%{http_code}" --globoff --path-as-is --noproxy "*" --http1.1 \
                    "${headers[@]}" "https://$host:$port$path")"
                [ "$reply" != "HTTP/1.1 000" ] || reply=
            }

            # The first line of the answer; those that only say that one will come (1xx, RFC 9110, 15.2) are passed over.
            ask() {
                printf %s "$text" >&3
                while IFS= read -r reply <&3; do
                    case $reply in "HTTP/1."?" 1"*) ;; *) break ;; esac
                    while IFS= read -r line <&3 && [ -n "${line%"$cr"}" ]; do :; done
                done
            }

            work() {
                trap "" PIPE
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
                            printf "$send" >&3
                            reply=$(head -c 4096 <&3 | od -An -v -tx1 | tr -d " \n")
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

            # From this number of connections on.
            begin() {
                number=$((number + 1))
                work "$number" "$1" >&5 2>&5 &
                parts="$parts $number:$!"
            }

            # All but $1 are too late.
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
                "" | *[!0-9]*)
                    case $line in
                    *connect:\ *) words=${line##*connect: } ;;
                    *) words=${words:-$line} ;;
                    esac
                    continue
                    ;;
                esac
                case "$parts" in *" $who:"*) ;; *) continue ;; esac
                case $line in
                *" open")
                    only "$who"
                    patience=$limit
                    ;;
                *" next") [ "$number" -gt 1 ] || patience=0.2 ;;
                *" end "*)
                    line=${line#* end }
                    status=${line%% *}
                    reply=${line#"$status"}
                    [ "$status" = 0 ] || reply=" $words"
                    printf %s "${reply# }"
                    exit "$status"
                    ;;
                esac
            done'

        # The same by nc, which says nothing of when it is connected: here it is the answer that is waited for.
        exchange_by_nc() {
            [ -d "$state" ] || mkdir -p "$state" 2>/dev/null || return 127
            asked=$state/.$app.$token.probe
            left=$connections reply= status=0 number=0
            while [ "$left" -gt 0 ]; do
                nc_once "$@"
                left=$((left - 1))
                [ "$status" = 0 ] || break
                case $4 in line | tls) good_line "$reply" || break ;; esac
            done
            rm -f "$asked.request" "$asked.1" "$asked.2"
            printf %s "$reply"
            return "$status"
        }

        good_line() {
            case $1 in
            "HTTP/1."?" "[23]*) ;;
            "HTTP/1."?" 4"*) [ "$accept" = any ] ;;
            *) return 1 ;;
            esac
        }

        nc_once() {
            printf "$3" >"$asked.request"
            parts=
            begin_nc 1 "$@"
            clock
            nc_until=$((now + $2 * 100)) beside=$((now + 20))
            status=124 reply=
            until nc_has_answered "$@"; do
                clock
                [ "$now" -lt "$nc_until" ] || break
                if [ "$number" = 0 ] && [ "$now" -ge "$beside" ]; then
                    begin_nc 2 "$@"
                    number=2 left=$((connections + 1))
                fi
                pause
            done
            for part in $parts; do
                kill "$part"
                wait "$part"
            done 2>/dev/null
        }

        begin_nc() {
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

        # The first line of an answer, in $line; those that only say that one will come are passed over.
        first_line() {
            while IFS= read -r line; do
                case $line in "HTTP/1."?" 1"*) ;; ?*) return 0 ;; *) return 1 ;; esac
                while IFS= read -r line && [ -n "${line%?}" ]; do :; done
            done
            return 1
        }

        # A connection to port $1 of the address that is tried, 127.0.0.1 or 127.0.0.2, that the other side has taken; its own
        # end nc may have closed.
        nc_is_connected() {
            last=${probe_host##*.}
            grep -qE "^ *[0-9]+: [0-9A-F]+:[0-9A-F]{4} (0${last}00007F|7F00000$last):$(printf %04X "$1") 0[1458] " \
                /proc/net/tcp 2>/dev/null
        }

        # Sets $reply and $status where one of $parts has an answer, or all have ended.
        nc_has_answered() {
            running_parts=no each=0
            for part in $parts; do
                each=$((each + 1)) stat= line=
                { read -r stat <"/proc/$part/stat"; } 2>/dev/null
                case ${stat##*) } in '' | [ZX]*) part_ended=yes ;; *) part_ended= running_parts=yes ;; esac
                case $3:$4 in
                :*)
                    # It waits for the other side's end: that it still does is an answer.
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
        """#
}
