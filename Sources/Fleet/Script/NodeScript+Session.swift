extension NodeScript {
    /// The other end of `NodeSession`.
    static let session = #"""
        # ---- a session: requests on standard input, one after the other ----

        runs() {
            stat=
            { read -r stat <"/proc/$1/stat"; } 2>/dev/null
            case ${stat##*) } in '' | [ZX]*) return 1 ;; esac
        }

        # Process $1 and its descendants, in $tree. What has become a daemon is not among them.
        descend() {
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

        # The processes of $tree that still run.
        living() {
            alive=
            for process in $tree; do
                if runs "$process"; then alive="$alive $process"; fi
            done
            tree=$alive
            [ -n "$alive" ]
        }

        # Ends the request that is running, with signal $1.
        end_request() {
            [ -n "$job" ] && runs "$job" || return 0
            descend "$job"
            kill "-$1" $tree
            kill -CONT $tree
            [ "$1" = TERM ] || return 0
            clock
            patience=$((now + 1000))
            while living; do
                clock
                if [ "$now" -ge "$patience" ]; then
                    for process in $alive; do
                        descend "$process"
                        kill -KILL $tree
                    done
                    return
                fi
                pause
            done
        } 2>/dev/null

        # The rest of request $1, which begins when it is complete. Fails when it never was.
        receive() {
            request=$1 word= begun= lines=0
            number "$request" || return
            no_payload
            set --
            while IFS= read -r line; do
                lines=$((lines + 1))
                [ "$lines" -lt 60000 ] || return 1
                case $line in
                +*)
                    [ -z "$begun" ] || set -- "$@" "$word"
                    word=${line#?} begun=yes
                    ;;
                '|'*) word=$word$newline${line#?} ;;
                :*)
                    line=${line#?}
                    payload_line
                    ;;
                end)
                    [ -z "$begun" ] || set -- "$@" "$word"
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

        serve() {
            unset TMOUT
            job=
            printf '\nviridian-session=1\n'
            while IFS= read -r line; do
                case $line in
                'begin '*) receive "${line#begin }" || break ;;
                stop)
                    end_request TERM
                    exit 0
                    ;;
                esac
            done
            end_request HUP
            exit 0
        }
        """#
}
