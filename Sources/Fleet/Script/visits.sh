# shellcheck shell=sh
# Requests through nginx on this node, like those of visitors: the proof that what nginx has loaded serves them.
#
# For other parts: visit_before, visit_after, visit_preview

# The parts of a line viridian-way=... (configuration.awk), in $way_upstream, $way_address and so on
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
# came by https, for servers that redirect http.
visit() {
    way_parts "$1"
    code=
    # A shared address may be at another machine at this moment.
    case $way_address in
    127.* | *[!0-9.]*) ;;
    *) grep -qE "[|]-- $way_address\$" /proc/net/fib_trie 2>/dev/null || return 0 ;;
    esac
    proxied=
    case $way_kind in *-proxy) proxied="PROXY TCP4 127.0.0.1 127.0.0.1 40000 $way_port" ;; esac
    code=$(
        case $way_kind in
        tls*) visit_by_https "$2" ;;
        *) visit_by_http "$2" ;;
        esac 2>/dev/null </dev/null 9>&-
    )
    case $code in [1-5][0-9][0-9]) ;; *) code= ;; esac
    [ "$code" != 000 ] || code=
}

visit_by_https() {
    if command -v curl >/dev/null; then
        visit_by_curl https "$1"
    elif [ -z "$proxied" ] && command -v openssl >/dev/null; then
        visit_request | timeout "$1" openssl s_client -quiet -servername "$way_host" \
            -connect "$(bracketed "$way_address"):$way_port" | sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p'
    fi
}

visit_by_http() {
    request=$(visit_request && echo .)
    if command -v bash >/dev/null; then
        timeout "$1" bash -c "$visit_bash" sh "$way_address" "$way_port" "${request%.}"
    elif command -v curl >/dev/null; then
        visit_by_curl http "$1"
    else
        # Some nc close the connection when their input ends, and nginx then gives up: a pipe that stays open.
        rm -f "$state/$app.visit" && mkfifo "$state/$app.visit" && exec 5<>"$state/$app.visit" &&
            rm -f "$state/$app.visit"
        printf %s "${request%.}" >&5
        timeout "$1" nc "$way_address" "$way_port" <&5 | sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p;1q'
    fi
}

# By scheme $1, within $2 seconds.
visit_by_curl() {
    curl -qsk --globoff --path-as-is -o /dev/null -w '%{http_code}' --noproxy '*' --max-time "$2" \
        ${proxied:+--haproxy-protocol} -H 'User-Agent: viridian' -H 'X-Forwarded-Proto: https' \
        --resolve "$way_host:$way_port:$(bracketed "$way_address")" "$1://$way_host:$way_port$way_path"
}

# An IPv6 address in brackets, others as they are.
bracketed() { case $1 in *:*) printf '[%s]' "$1" ;; *) printf %s "$1" ;; esac; }

visit_request() {
    printf '%s\r\n' ${proxied:+"$proxied"} "GET $way_path HTTP/1.1" "Host: $way_host" 'User-Agent: viridian' 'Accept: */*' \
        'X-Forwarded-Proto: https' 'Connection: close' ''
}

# What a proxy answers for an upstream that does not, or no answer at all.
unserved() { case $1 in '' | none | 502 | 504) ;; *) return 1 ;; esac; }

# Before the switch: what each way answers, and how long the error logs are.
visit_before() {
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
    # A slow app gets more time. A fast one gets little, since its visitors wait as long.
    clock
    visit_limit=$((2 + (now - asked_at) / 50))
    [ "$visit_limit" -le 10 ] || visit_limit=10
    mark_error_logs
}

# After the switch: the same requests have to be answered as well as before. $proof names what shows that the new
# colour serves visitors. Fails when they are not served.
visit_after() {
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
        last_try_at=$((now + visit_limit * 100))
        while :; do
            visit "$each" "$visit_limit"
            left=$((left - 1))
            # No second try after a timeout: visitors are waiting as well.
            clock
            [ -n "$code" ] || [ "$now" -lt "$last_try_at" ] || left=0
            if ! unserved "$code" || unserved "$was" || [ "$left" = 0 ] || [ -n "$ended" ]; then break; fi
            pause 0.1
        done
        fact visited "$way_url$tab$way_address:$way_port$tab$was$tab${code:-none}"
        if ! unserved "$code"; then
            # Other answers may be nginx's own: access denied, redirected to https, not found.
            case $code:$way_kind in 2??:* | 30[1278]:tls*) proof=visit ;; esac
        elif unserved "$was" || { [ "$was" = - ] && [ -z "$code" ]; }; then
            # It was no better before.
            :
        else
            facts said "$(refusals_in_logs "$port")"
            [ -z "$(unanswered "$port")" ] || fact said "connections from nginx to 127.0.0.1:$port get no answer"
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
    # Then the connections of real visitors show it.
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
        [ -z "$still" ] || fact said "connections from nginx to 127.0.0.1:$port get no answer"
        return 1
    fi
    if answered "$port"; then fact proof connections; else fact proof none; fi
    return 0
}

# What nginx has logged since `mark_error_logs` about connections to port $1 that it could not make (ngx_http_upstream.c, "while
# connecting to upstream").
refusals_in_logs() {
    added_to_logs "$visit_marks" | grep -E '\[(error|crit|alert|emerg)\] .* while connecting to upstream' |
        grep -E "upstream: \"[a-z]+://[^\"]*:$1[/\"]" | sort -u | head -n 3
}

# Remembers how long nginx's error logs are now: the master's own, and the first that its configuration names, among them the app's own
# (configuration.awk). Each is two processes, before the switch and after, and a node may have hundreds of sites.
mark_error_logs() {
    mark_logs "/proc/$master/fd/2 $(printf %s "$logs" | sed -n 's/^viridian-log=//p' | head -n 8)"
    visit_marks=$marks
}

# Whether the preview's upstream shows port $1. It does not when that is the colour that the file has up already, as
# before a first release.
preview_shows() {
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

# The candidate through nginx before the switch, by the host at which people can try it.
visit_preview() {
    if ! preview_shows "$port"; then
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
    mark_error_logs
    # No visitor waits for this. A request before there were pods makes nginx skip the candidate for ten seconds
    # (max_fails), so it gets longer than that.
    clock
    preview_until=$((now + 1200))
    while :; do
        visit "$each" 3
        clock
        { unserved "$code" && [ -n "$code" ] && [ "$now" -lt "$preview_until" ]; } || break
        pause 0.5
    done
    fact visited "$way_url$tab$way_address:$way_port$tab-$tab${code:-none}"
    news=$(refusals_in_logs "$port")
    if [ -n "$code" ] && ! unserved "$code"; then
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
