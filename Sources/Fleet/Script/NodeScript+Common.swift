extension NodeScript {
    /// Facts, locks, the file and the fencing token.
    static let common = #"""
        # Viridian's node script: POSIX sh, for dash, busybox ash and bash. It is sent on standard input to `sh -s
        # -- ACTION KEY=VALUE...` and answers with one KEY=VALUE fact a line, the last of which is done=ACTION. All
        # of it is functions: a script that was cut off on its way never starts. Words of others (nginx's, a
        # command's) only ever follow a key, so they cannot forge a fact.
        set -f
        umask 022
        unset CDPATH ENV
        PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        LC_ALL=C
        export PATH LC_ALL
        newline='
        '

        fact() {
            value=$2
            while :; do
                case $value in
                *"$newline"*) value="${value%%"$newline"*} ${value#*"$newline"}" ;;
                *) break ;;
                esac
            done
            printf '%s=%s\n' "$1" "$value"
        }

        # Each line of standard input as a fact, as it comes.
        relay() {
            while IFS= read -r line || [ -n "$line" ]; do printf '%s=%s\n' "$1" "$line"; done
        }

        facts() { [ -z "$2" ] || relay "$1" <<FACTS
        $2
        FACTS
        }

        finish() {
            fact done "$action"
            exit 0
        }

        # Hundredths of a second since boot: the clock of all deadlines here, and that of the start times in
        # /proc/PID/stat.
        clock() {
            read -r now now_rest </proc/uptime
            now=${now%.*}${now#*.}
        }

        pause() { sleep 0.015 2>/dev/null || sleep 1; }

        number() { case $1 in '' | *[!0-9]*) return 1 ;; esac; }

        # One of the operator's commands: its words in $words, its status in $status. It does not inherit the lock.
        command_of_operator() {
            words=$(trap - PIPE && exec sh -c "$1" </dev/null 2>&1 9>&-)
            status=$?
        }

        # At most one conversation a node changes nginx at a time, whatever the app: a reload loads every app's
        # file.
        lock() {
            if [ ! -w "$state" ] || { [ -e "$state/$1" ] && [ ! -w "$state/$1" ]; }; then
                fact unwritable "$state: permission denied, or a read-only disk"
                finish
            fi
            exec 9>>"$state/$1"
            clock
            until flock -n 9; do
                command -v flock >/dev/null || { fact missing flock; finish; }
                lock_until=${lock_until:-$((now + lockwait * 100))}
                clock
                [ "$now" -lt "$lock_until" ] || { fact busy "$1"; finish; }
                pause
            done 2>/dev/null
        }

        state_directory() {
            [ -d "$state" ] && return
            problem=$(mkdir -p "$state" 2>&1) && return
            fact unwritable "$problem"
            finish
        }

        # The file itself, where a link points to it.
        target() {
            file=$backends/$app.conf
            if [ -L "$file" ]; then file=$(readlink -f "$file") || file=$backends/$app.conf; fi
            beside=${file%/*}/.${file##*/}.viridian
        }

        sum_of() { sum=$(cksum <"$1" 2>/dev/null) && sum=${sum%% *}:${sum##* }; }

        file_facts() {
            target
            fact path "$file"
            if [ ! -e "$file" ]; then
                sum=none
                fact file missing
            elif [ -f "$file" ] && text=$(base64 <"$file" 2>&1) && sum_of "$file"; then
                fact file present
                facts text "$text"
            else
                sum=
                fact file unreadable
                fact said "${text:-it is no regular file}"
            fi
            fact sum "$sum"
        }

        seen_token() {
            seen=0
            { read -r seen <"$state/$app.token"; } 2>/dev/null
            number "$seen" || seen=0
        }

        fence() {
            seen_token
            fact token "$seen"
            [ "$token" -ge "$seen" ] || { fact fenced "$seen"; finish; }
        }
        """#
}
