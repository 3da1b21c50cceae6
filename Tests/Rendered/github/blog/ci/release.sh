#!/bin/sh
# Asks Viridian for a release of blog and waits for its outcome. Needs a POSIX shell, curl 7.68 or newer, awk and sed; not Viridian.
#
#   VIRIDIAN_TOKEN   from `viridian token create --role deployer --app blog`
#   VERSION          the tag of the image, which has been pushed
#   DIGEST, COMMIT, COMMIT_TIME, REF, BUILD_URL, REASON    what is known of it (times as 2015-10-25T14:34:03Z); each may be missing
#   WAIT             live (the default), paused (also ends when the release awaits promotion) or none
#   VIRIDIAN_SERVER  instead of the server's URL below
#   POLL, PATIENCE   seconds between two checks of the release (3), and for which a server that does not answer is asked again (300)
#
# Exit status: 0 live, or not needed because a newer version is; 1 could not; 2 failed, traffic is where it was; 3 paused; 4 given up;
# 5 some node needs repair; 64 a variable is missing; 75 another release is running; 130 this script was stopped, and the release goes on.

# A trace would show the token, and every status is looked at here.
set +ex
app='blog'
server='https://deploy.domain.com'
[ -z "${VIRIDIAN_SERVER:-}" ] || server=${VIRIDIAN_SERVER%/}
# A token that was pasted with its line break is meant without.
token=$(printf %s "${VIRIDIAN_TOKEN:-}" | tr -d '[:space:]')
poll=${POLL:-3}
patience=${PATIENCE:-300}
goal=${WAIT:-live}
release='' delivery='' napping='' loud=S
newline=$(printf '\n.')
newline=${newline%.}

say() { printf '%s\n' "$*"; }
end() {
    status=$1
    shift
    say "$@"
    exit "$status"
}

# Waits with `wait`, which a signal ends at once; a shell is deaf while it waits for `sleep` itself.
pause() {
    sleep "$poll" >/dev/null 2>&1 &
    napping=$!
    wait "$napping"
    napping=''
}

# shellcheck disable=SC2317 # The trap below calls it.
stopped() {
    trap - INT TERM
    [ -z "$napping" ] || kill "$napping" 2>/dev/null
    if [ -n "$release" ]; then
        end 130 "Stopped waiting; $release goes on: $link. To give it up: viridian abort $app"
    elif [ -n "$delivery" ]; then
        end 130 "Stopped waiting; $app $VERSION stays queued: $server/apps/$app"
    fi
    end 130 "Stopped; whether a release of $app $VERSION has begun: $server/apps/$app"
}
trap stopped INT TERM

# The values of a JSON text, one a line: error.message=…, releases.0=blog/42. Line breaks in a value become spaces.
flatten() {
    LC_ALL=C awk '
        { text = text $0 " " }
        END {
            size = length(text)
            for (i = 1; i <= size; i++) {
                c = substr(text, i, 1)
                if (quoted) {
                    if (c == "\"") { quoted = 0; continue }
                    if (c == "\\") {
                        c = substr(text, ++i, 1)
                        if (c == "u") { i += 4; c = "?" }
                        if (c ~ /[bfnrt]/) c = " "
                    }
                    word = word c
                } else if (c == "\"") {
                    quoted = 1; isValue = 1; word = ""
                } else if (c == ":") {
                    key[depth] = word; isValue = 0
                } else if (c == "{" || c == "[") {
                    kind[++depth] = c; key[depth] = 0; isValue = 0
                } else if (c == "," || c == "}" || c == "]") {
                    if (isValue && word != "null") {
                        path = key[1]
                        for (d = 2; d <= depth; d++) path = path "." key[d]
                        print path "=" word
                    }
                    isValue = 0
                    if (c != ",") depth--
                    else if (kind[depth] == "[") key[depth]++
                } else if (c != " " && c != "\t" && c != "\r") {
                    if (!isValue) word = ""
                    isValue = 1; word = word c
                }
            }
        }'
}

# The values of a name in the last answer, one a line; of several with a pattern: phases\.[0-9]*\.phase
values() { printf '%s\n' "$facts" | sed -n "s/^$1=//p"; }
value() { values "$1" | sed q; }

# One request: sets `code` (000 when no whole answer came), `body` and `facts`. The token goes to curl's standard input, so that no list
# of processes shows it.
request() {
    answer=$(printf 'header = "Authorization: Bearer %s"\n' "$token" |
        curl "-s$loud" -K - --connect-timeout 10 --max-time 30 -H 'Accept: application/json' -w '\n%{http_code}' "$@")
    result=$?
    code=${answer##*"$newline"}
    body=${answer%"$newline"*}
    [ "$result" -eq 0 ] || code=000
    facts=$(printf '%s\n' "$body" | flatten)
}

# Repeats a request while the server is restarted, or is not reached. Fails when that lasts too long.
ask() {
    waited=0
    while
        request "$@"
        case $code in
        000 | 500 | 502 | 503 | 504) true ;;
        429) [ "$(value error.code)" != too_many_failures ] ;;
        *) false ;;
        esac
    do
        # Once is enough, for curl too.
        [ "$waited" -gt 0 ] || say "$server: $(objection). Asking again for up to $patience s"
        loud=''
        [ "$waited" -lt "$patience" ] || return 1
        pause
        waited=$((waited + poll))
    done
    loud=S
}

# What the server said against it, also when it was not Viridian that spoke.
objection() {
    message=$(value error.message)
    case $code in
    000) message='no answer' ;;
    3??) message="an address that leads elsewhere: VIRIDIAN_SERVER has to be the server's own URL" ;;
    esac
    [ -n "$message" ] || message=$(printf '%s' "$body" | tr -s '[:space:]' ' ' | sed 's/<[^>]*>//g' | cut -c 1-300)
    say "$message ($code$(value error.code | sed 's/^/ /'))"
}

# , "name": "value"; nothing when there is no value.
member() {
    [ -z "$2" ] || printf ', "%s": "%s"' "$1" "$(printf %s "$2" | tr -d '[:cntrl:]' | sed 's/[\\"]/\\&/g')"
}

# ---- The request

case $goal in
live | paused | none) ;;
*) end 64 "WAIT is $goal: it has to be live, paused or none" ;;
esac
[ -n "${VERSION:-}" ] || end 64 "VERSION is not set: the tag of the image that was pushed"
[ -n "$token" ] || end 64 "VIRIDIAN_TOKEN is not set: a token from viridian token create --role deployer --app $app"
order="{\"app\": \"$app\"$(
    member version "$VERSION"
    member digest "${DIGEST:-}"
    member commit "${COMMIT:-}"
    member commitTime "${COMMIT_TIME:-}"
    member ref "${REF:-}"
    member url "${BUILD_URL:-}"
    member reason "${REASON:-}"
)}"
# The same for every repetition of this request, so that it starts one release, also if an answer is lost.
key=$(od -An -N 12 -t x1 /dev/urandom | tr -d ' \n')
ask -H 'Content-Type: application/json' -H "Idempotency-Key: $key" --data-binary "$order" "$server/hooks/deploy" ||
    end 1 "The server does not answer. Whether a release of $VERSION has begun: $server/apps/$app. Running this again does no harm."
case $code in
200 | 202) ;;
409)
    [ "$(value error.code)" != release_running ] || end 75 "Not released: $(objection) $server/apps/$app"
    end 1 "Not released: $(objection)"
    ;;
*) end 1 "Not released: $(objection)" ;;
esac
delivery=$(value delivery)
release=$(value 'releases\.0')
ignored=$(value ignored)
[ -n "$release$delivery" ] || end 1 "Not understood: $body ($code). Is $server Viridian's server?"
[ -z "$ignored" ] || say "$app $VERSION: $ignored"

# ---- In the queue, or not needed

said=''
while [ -z "$release" ]; do
    waits=$(value 'queued\.0\.waits')
    [ -z "$waits" ] || [ "$waits" = "$said" ] || say "$app $VERSION is queued: $waits"
    said=$waits
    [ "$goal" != none ] || end 0 "What becomes of it: $server/apps/$app"
    [ -n "$ignored" ] || pause
    ask "$server/api/v1/deliveries/$delivery" ||
        end 1 "The server does not answer. What becomes of $app $VERSION is not known: $server/apps/$app"
    [ "$code" = 200 ] || end 1 "What becomes of $app $VERSION is not known: $(objection) $server/apps/$app"
    [ "$(value 'results\.0\.state')" != refused ] || end 75 "Not released: $(value outcome). $server/apps/$app"
    release=$(value 'releases\.0')
    [ -z "$release" ] || break
    case $(value state) in
    # A person took it out of the queue; or it is older than what serves, or a newer version took its place.
    ignored)
        case $(value outcome) in
        *' was dropped from the queue by '*) end 4 "$app $VERSION was not released: $(value outcome)" ;;
        esac
        end 0 "$app $VERSION was not released: $(value outcome)"
        ;;
    failed | "done") end 1 "$app $VERSION was not released, and traffic is where it was: $(value outcome)" ;;
    esac
    ignored=''
done

# ---- The release

link=$server/apps/$app/releases/${release##*/}
say "$release: $link"
[ "$goal" != none ] || exit 0
shown=' '
trouble=''
while :; do
    ask "$server/api/v1/apps/$app/releases/${release##*/}" ||
        end 1 "The server does not answer. $release goes on, its outcome is not known: $link"
    [ "$code" = 200 ] || end 1 "$release goes on, its outcome is not known: $(objection) $link"
    state=$(value state)
    for phase in $(values 'phases\.[0-9]*\.phase'); do
        case $shown in *" $phase "*) continue ;; esac
        shown="$shown$phase "
        [ "$phase" = "done" ] || say "$release $phase"
    done
    problem=$(value problem)
    if [ -n "$problem" ] && [ "$problem" != "$trouble" ]; then say "$release retrying: $problem"; fi
    trouble=$problem
    case $state in
    live | superseded | failed | aborted | rolledBack) break ;;
    paused)
        case $shown in
        *' paused '*) ;;
        *)
            shown="${shown}paused "
            say "$release is paused for verification$(value deadline | sed 's/^/ until /'). To promote: $link$(
                value previewURL | sed 's/^/; to try it: /'
            )"
            ;;
        esac
        [ "$goal" != paused ] || exit 3
        ;;
    esac
    pause
done

# ---- Its outcome

case $state in
live | superseded)
    status=0
    say "$release is live: $VERSION serves$(value color | sed 's/^/ on /')"
    ;;
failed)
    status=2
    say "$release failed in phase $(value 'failure\.phase'): $(value 'failure\.message')"
    # No line of a pod begins a line of the log, where CI systems take some for commands.
    values 'failure\.details\.[0-9]*' | sed 's/^/| /'
    ;;
*)
    status=4
    say "$release was given up$(value 'aborted\.by' | sed 's/^/ by /')$(value 'aborted\.reason' | sed 's/^/: /')"
    ;;
esac
values 'leftovers\.[0-9]*\.message' | sed 's/^/Left behind: /'
drifted=$(values 'needRepair\.[0-9]*' | tr '\n' ' ')
[ -z "$drifted" ] || end 5 "To repair: ${drifted}(viridian repair $app)"
[ "$status" -eq 0 ] || say "Traffic is where it was$(value 'previous\.version' | sed 's/^/: /')"
exit "$status"
