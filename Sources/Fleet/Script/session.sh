# shellcheck shell=sh
# A session: requests on standard input, one after the other. The wire format is in NodeSession.swift.
#
# For other parts: serve

serve() {
    unset TMOUT
    job=
    printf '\nviridian-session=1\n'
    while IFS= read -r line; do
        case $line in
        'begin '*) receive_request "${line#begin }" || break ;;
        stop)
            end_request TERM
            exit 0
            ;;
        esac
    done
    end_request HUP
    exit 0
}

# The rest of request $1, which begins when it is complete. Fails when it never was.
receive_request() {
    request=$1 argument='' begun='' lines=0
    is_number "$request" || return
    clear_payload
    set --
    while IFS= read -r line; do
        lines=$((lines + 1))
        [ "$lines" -lt 60000 ] || return 1
        case $line in
        +*)
            [ -z "$begun" ] || set -- "$@" "$argument"
            argument=${line#?} begun=yes
            ;;
        '|'*) argument=$argument$newline${line#?} ;;
        :*)
            line=${line#?}
            payload_line
            ;;
        end)
            [ -z "$begun" ] || set -- "$@" "$argument"
            [ -z "$job" ] || wait "$job"
            {
                (main "$@") <<INPUT
$coded=end
INPUT
                printf 'end=%s %s\n' "$request" "$?"
            } &
            job=$!
            return 0
            ;;
        *) return 1 ;;
        esac
    done
    return 1
}

# Ends the running request with signal $1.
end_request() {
    [ -n "$job" ] && is_running "$job" || return 0
    find_descendants "$job"
    # shellcheck disable=SC2086 # several processes
    kill "-$1" $tree
    # shellcheck disable=SC2086
    kill -CONT $tree
    [ "$1" = TERM ] || return 0
    clock
    patience=$((now + 1000))
    while still_alive; do
        clock
        if [ "$now" -ge "$patience" ]; then
            for process in $alive; do
                find_descendants "$process"
                # shellcheck disable=SC2086
                kill -KILL $tree
            done
            return
        fi
        pause
    done
} 2>/dev/null

# Process $1 and its descendants, in $tree. A process that became a daemon is not among them.
find_descendants() {
    tree=$1 parents=$1
    while [ -n "$parents" ]; do
        generation=
        for parent in $parents; do
            children "$parent"
            generation="$generation $kids"
        done
        parents=
        for child in $generation; do parents="$parents $child"; done
        tree="$tree$parents"
    done
}

# Reduces $tree to the processes that still run.
still_alive() {
    alive=
    for process in $tree; do
        if is_running "$process"; then alive="$alive $process"; fi
    done
    tree=$alive
    [ -n "$alive" ]
}

# Whether process $1 runs.
is_running() {
    stat=
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null
    case ${stat##*) } in '' | [ZX]*) return 1 ;; esac
}
