extension NodeScript {
    /// Requests through nginx on the node, as a visitor's come: the proof that what nginx has loaded serves somebody.
    static let visiting = #"""
        # ---- asking through nginx ----

        # The parts of a line viridian-way=…
        way_parts() {
            way_upstream=${1#*=}
            way_address=${way_upstream#*"$tab"} way_upstream=${way_upstream%%"$tab"*}
            way_port=${way_address#*"$tab"} way_address=${way_address%%"$tab"*}
            way_kind=${way_port#*"$tab"} way_port=${way_port%%"$tab"*}
            way_host=${way_kind#*"$tab"} way_kind=${way_kind%%"$tab"*}
            way_path=${way_host#*"$tab"} way_host=${way_host%%"$tab"*}
            case $way_kind in tls*) way_url=https://$way_host$way_path ;; *) way_url=http://$way_host$way_path ;; esac
        }

        # One request the way $1, within $2 seconds: its status in $code, empty where there was no answer. It says that it
        # came by https, for whoever sends other visitors away.
        visit() {
            way_parts "$1"
            code=
            # An address that another machine may have at this moment.
            case $way_address in
            127.* | *[!0-9.]*) ;;
            *) grep -qE "[|]-- $way_address\$" /proc/net/fib_trie 2>/dev/null || return 0 ;;
            esac
            proxied=
            case $way_kind in *-proxy) proxied="PROXY TCP4 127.0.0.1 127.0.0.1 40000 $way_port" ;; esac
            request="GET $way_path HTTP/1.1
        Host: $way_host
        User-Agent: viridian
        Accept: */*
        X-Forwarded-Proto: https
        Connection: close

        "
            code=$(
                case $way_kind in
                tls*)
                    case $way_address in *:*) way_address="[$way_address]" ;; esac
                    if command -v curl >/dev/null; then
                        curl -qsk --globoff --path-as-is -o /dev/null -w '%{http_code}' --noproxy '*' --max-time "$2" ${proxied:+--haproxy-protocol} \
                            -H 'User-Agent: viridian' -H 'X-Forwarded-Proto: https' \
                            --resolve "$way_host:$way_port:$way_address" "https://$way_host:$way_port$way_path"
                    elif [ -z "$proxied" ] && command -v openssl >/dev/null; then
                        crlf "$request" | timeout "$2" openssl s_client -quiet -servername "$way_host" \
                            -connect "$way_address:$way_port" | sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p'
                    fi
                    ;;
                *)
                    request=$(crlf "${proxied:+$proxied$newline}$request" && echo .)
                    if command -v bash >/dev/null; then
                        timeout "$2" bash -c '
                            exec 3<>"/dev/tcp/$1/$2" || exit
                            printf %s "$3" >&3
                            IFS=" " read -r version code rest <&3
                            printf %s "$code"' sh "$way_address" "$way_port" "${request%.}"
                    elif command -v curl >/dev/null; then
                        case $way_address in *:*) way_address="[$way_address]" ;; esac
                        curl -qs --globoff --path-as-is -o /dev/null -w '%{http_code}' --noproxy '*' --max-time "$2" \
                            ${proxied:+--haproxy-protocol} -H 'User-Agent: viridian' -H 'X-Forwarded-Proto: https' \
                            --resolve "$way_host:$way_port:$way_address" "http://$way_host:$way_port$way_path"
                    else
                        # Some nc say that nothing more will come when their input ends, and nginx then leaves.
                        rm -f "$state/$app.visit" && mkfifo "$state/$app.visit" && exec 5<>"$state/$app.visit" &&
                            rm -f "$state/$app.visit"
                        printf %s "${request%.}" >&5
                        timeout "$2" nc "$way_address" "$way_port" <&5 | sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p;1q'
                    fi
                    ;;
                esac 2>/dev/null </dev/null 9>&-
            )
            case $code in [1-5][0-9][0-9]) ;; *) code= ;; esac
            [ "$code" != 000 ] || code=
        }

        crlf() { printf '%s' "$1" | sed "s/\$/$(printf '\r')/"; }

        # What a proxy says of an upstream that does not answer, or nothing.
        no_service() { case $1 in '' | none | 502 | 504) ;; *) return 1 ;; esac; }

        # Before the switch: what each way answers, and how long the error logs are.
        ask_before() {
            read_ways
            asked_before=
            clock
            asked_at=$now
            rest=$ways
            while [ -n "$rest" ]; do
                each=${rest%%"$newline"*} rest=${rest#*"$newline"}
                way_parts "$each"
                case $way_upstream in "$upstream-preview") continue ;; esac
                [ "$present" != no ] || { asked_before="$asked_before $way_upstream:-"; continue; }
                visit "$each" 3
                asked_before="$asked_before $way_upstream:${code:-none}"
            done
            # An app that is slow is given time, one that is quick little of its visitors'.
            clock
            visit_limit=$((2 + (now - asked_at) / 50))
            [ "$visit_limit" -le 10 ] || visit_limit=10
            mark_logs
        }

        # How long each error log is now: nginx's own, and those that its configuration names.
        mark_logs() {
            marks=
            for log_file in "/proc/$master/fd/2" $(printf %s "$logs" | sed -n 's/^viridian-log=//p' | head -n 8); do
                [ -f "$log_file" ] || continue
                size_now=$(stat -L -c %s "$log_file" 2>/dev/null) || continue
                marks="$marks$((size_now + 1)) $log_file$newline"
            done
        }

        # nginx's words since then about connections to port $1 that it could not make (ngx_http_upstream.c, "while
        # connecting to upstream").
        refusals_in_logs() {
            rest=$marks
            while [ -n "$rest" ]; do
                each=${rest%%"$newline"*} rest=${rest#*"$newline"}
                tail -c "+${each%% *}" "${each#* }" 2>/dev/null
            done | grep -E '\[(error|crit|alert|emerg)\] .* while connecting to upstream' | grep -E "upstream: \"[a-z]+://[^\"]*:$1[/\"]" |
                sort -u | head -n 3
        }

        # Connections of nginx's workers to port $1 that get no answer: their own ports. State 02 is SYN_SENT (proc(5),
        # include/net/tcp_states.h); the eighth field is the user.
        unanswered() { connections_of_workers "$1" 02; }

        # Those that did; not those that are long closed.
        answered() { [ -n "$(connections_of_workers "$1" '0[14589]')" ]; }

        connections_of_workers() {
            ids "${running%%:*}" || return 0
            tables=/proc/net
            [ ! -r "/proc/$master/net/tcp" ] || tables=/proc/$master/net
            sed -n "s/^ *[0-9]*: [0-9A-F]*:\([0-9A-F]\{4\}\) [0-9A-F]*:$(printf %04X "$1") $2 [0-9A-F:]* [0-9A-F:]* [0-9A-F]*  *$uid .*/\1/p" \
                "$tables/tcp" "$tables/tcp6" 2>/dev/null
        }

        # After the switch: the same requests have to be answered as well as before. $proof is what shows that the new
        # colour serves visitors. Fails when they are not served.
        prove_visitors() {
            proof=
            rest=$ways
            while [ -n "$rest" ]; do
                each=${rest%%"$newline"*} rest=${rest#*"$newline"}
                way_parts "$each"
                case $way_upstream in "$upstream-preview") continue ;; esac
                was=${asked_before##* "$way_upstream:"}
                was=${was%% *}
                left=3
                clock
                vain=$((now + visit_limit * 100))
                while :; do
                    visit "$each" "$visit_limit"
                    left=$((left - 1))
                    # Who has waited in vain once has visitors who do.
                    clock
                    [ -n "$code" ] || [ "$now" -lt "$vain" ] || left=0
                    if ! no_service "$code" || no_service "$was" || [ "$left" = 0 ] || [ -n "$ended" ]; then break; fi
                    pause 0.1
                done
                fact visited "$way_url$tab$way_address:$way_port$tab$was$tab${code:-none}"
                if ! no_service "$code"; then
                    # Much else nginx says itself: who may not come in, who is to come by https, what is not there.
                    case $code:$way_kind in 2??:* | 30[1278]:tls*) proof=visit ;; esac
                elif no_service "$was" || { [ "$was" = - ] && [ -z "$code" ]; }; then
                    # It was no better before.
                    :
                else
                    facts said "$(refusals_in_logs "$port")"
                    [ -z "$(unanswered "$port")" ] || fact said "connections of nginx's to 127.0.0.1:$port get no answer"
                    fact said "GET $way_url at $way_address:$way_port got ${code:-no answer}, before the switch $was"
                    return 1
                fi
            done
            news=$(refusals_in_logs "$port")
            if [ -n "$news" ]; then
                facts said "$news"
                return 1
            fi
            [ -z "$proof" ] || { fact proof "$proof"; return 0; }
            # What visitors there are show it.
            waiting=$(unanswered "$port")
            clock
            prove_until=$((now + 50))
            until answered "$port"; do
                clock
                [ "$now" -lt "$prove_until" ] || break
                pause 0.05
            done
            still=
            for each in $(unanswered "$port"); do
                case "$newline$waiting$newline" in *"$newline$each$newline"*) still=$each ;; esac
            done
            news=$(refusals_in_logs "$port")
            if [ -n "$news$still" ]; then
                facts said "$news"
                [ -z "$still" ] || fact said "connections of nginx's to 127.0.0.1:$port get no answer"
                return 1
            fi
            if answered "$port"; then fact proof connections; else fact proof none; fi
            return 0
        }

        # Whether the preview's upstream shows port $1. It does not where that is the colour which the file has up already, as before
        # a first release.
        previews() {
            block=$(tr '\t\n' '  ' <"$file")
            case $block in *"upstream $upstream-preview"[!A-Za-z0-9._-]*) ;; *) return 0 ;; esac
            block=${block#*"upstream $upstream-preview"}
            block="${block%%\}*};"
            while [ -n "$block" ]; do
                case " ${block%%;*} " in
                *":$1 "*) case " ${block%%;*} " in *" down "*) ;; *) return 0 ;; esac ;;
                esac
                block=${block#*;}
            done
            return 1
        }

        # The candidate through nginx, before anything moves: by the host at which it can be tried.
        ask_preview() {
            if ! previews "$port"; then
                fact preview other
                return
            fi
            read_ways
            case $ways in
            *"viridian-way=$upstream-preview$tab"*) ;;
            *)
                fact preview unknown
                return
                ;;
            esac
            each=${ways#*"viridian-way=$upstream-preview$tab"}
            each="viridian-way=$upstream-preview$tab${each%%"$newline"*}"
            mark_logs
            # Nobody waits for it. Who has tried it before there were pods has made nginx pass over the candidate for ten
            # seconds (max_fails), so it is given longer than that.
            clock
            preview_until=$((now + 1200))
            while :; do
                visit "$each" 3
                clock
                no_service "$code" && [ -n "$code" ] && [ "$now" -lt "$preview_until" ] || break
                pause 0.5
            done
            fact visited "$way_url$tab$way_address:$way_port$tab-$tab${code:-none}"
            news=$(refusals_in_logs "$port")
            if [ -n "$code" ] && ! no_service "$code"; then
                fact preview ok
            elif [ -z "$code$news$(unanswered "$port")" ]; then
                fact preview unknown
            else
                facts said "$news"
                fact said "GET $way_url at $way_address:$way_port got ${code:-no answer}"
                fact refused preview
                finish
            fi
        }
        """#
}
