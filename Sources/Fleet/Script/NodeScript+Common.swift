extension NodeScript {
    /// Facts, locks, deadlines, the file and the fencing token.
    static let common = #"""
        # Viridian's node script: POSIX sh, for dash, busybox ash and bash. It answers with one KEY=VALUE fact a line,
        # the last of which is done=ACTION. All of it is functions: a script that was cut off on its way never starts.
        # Words of others (nginx's, a command's) only ever follow a key, so they cannot forge a fact.
        #
        # Starting a program costs more than anything else here, so what the shell can do by itself it does by itself.
        set -f
        umask 022
        unset CDPATH ENV
        PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        LC_ALL=C
        export PATH LC_ALL
        newline='
        '
        tab=${IFS#?} tab=${tab%?}
        installed=

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

        # Each line of a text as a fact.
        facts() {
            rest=$2
            while [ -n "$rest" ]; do
                printf '%s=%s\n' "$1" "${rest%%"$newline"*}"
                case $rest in *"$newline"*) rest=${rest#*"$newline"} ;; *) rest= ;; esac
            done
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

        pause() { sleep "${1:-0.015}" 2>/dev/null || sleep 1; }

        # The first of $pauses, which is gone then; the last stays.
        next_pause() {
            pause "${pauses%% *}"
            pauses=${pauses#* }
        }

        # Of at most 16 digits, so that sums and hundredfolds of it still are what shells compare.
        number() { case $1 in '' | *[!0-9]* | ?????????????????*) return 1 ;; esac; }

        # Whether the order may still be carried out: until=HUNDREDTHS@BOOT, by this machine's own clock. Whoever gave
        # it has stopped waiting after that, and may have told others something else since.
        in_time() {
            [ -n "$until" ] || return 0
            [ "${until#*@}" = "$boot" ] || { expired=reboot; return 1; }
            clock
            [ "$now" -le "${until%%@*}" ] || { expired=late; return 1; }
        }

        still_wanted() {
            in_time && return
            fact expired "$expired"
            finish
        }

        # One of the operator's commands: its words in $words, its status in $status. It does not inherit the lock.
        command_of_operator() {
            words=$(trap - PIPE && exec sh -c "$1" </dev/null 2>&1 9>&-)
            status=$?
        }

        # At most one conversation a node changes nginx at a time, whatever the app: a reload loads every app's file.
        lock() {
            # Tried here, since most shells end where `exec` fails. (bash does not invert a redirection's failure with
            # `!`.)
            if { true; } 2>/dev/null 9>>"$state/$1"; then
                exec 9>>"$state/$1"
            else
                fact unwritable "$state: permission denied, or a read-only disk"
                finish
            fi
            lock_until=
            until flock -n 9; do
                command -v flock >/dev/null || { fact missing flock; finish; }
                clock
                lock_until=${lock_until:-$((now + lockwait * 100))}
                [ "$now" -lt "$lock_until" ] || { fact busy "$1"; finish; }
                pause
            done 2>/dev/null
        }

        unlock() { exec 9>&-; }

        state_directory() {
            [ -d "$state" ] && return
            problem=$(mkdir -p "$state" 2>&1) && return
            fact unwritable "$problem"
            finish
        }

        # Writes the text $2 to the file $1 so that it is there whole or not at all.
        keep_text() {
            problem=$({ printf '%s\n' "$2" >"$1.new" && mv -f "$1.new" "$1"; } 2>&1)
        }

        # The file itself, where a link points to it.
        target() {
            file=$backends/$app.conf
            if [ -L "$file" ]; then file=$(readlink -f "$file") || file=$backends/$app.conf; fi
            beside=${file%/*}/.${file##*/}.viridian
        }

        # The bytes of the file $1 in $text. (No byte 0: nginx has no use for one, and such a file is refused.)
        slurp() {
            text= lines=0 long=
            {
                while IFS= read -r line; do
                    text=$text$line$newline
                    lines=$((lines + 1))
                    [ "${#line}" -lt 8000 ] || long=yes
                    if [ "$lines" -gt 500 ]; then
                        text=$(cat "$1" && echo .) || return 1
                        text=${text%.} line= long=yes
                        break
                    fi
                done
            } 2>/dev/null <"$1" || return 1
            [ "${#line}" -lt 8000 ] || long=yes
            text=$text$line
        }

        # The text $2 as facts: lines of printable characters as they are, anything else in base64.
        text_facts() {
            case $long$2 in
            yes* | *[!\ -~$tab$newline]*) facts "${1}_base64" "$(printf %s "$2" | base64)" ;;
            *)
                facts "$1" "$2"
                case $2 in '' | *"$newline") ;; *) fact "${1}_ends" inside ;; esac
                ;;
            esac
        }

        file_facts() {
            target
            fact path "$file"
            present=no
            if [ ! -e "$file" ]; then
                text=
                fact file missing
            elif [ -f "$file" ] && slurp "$file"; then
                present=yes
                fact file present
                text_facts text "$text"
            else
                present=unreadable
                fact file unreadable
                if [ -f "$file" ]; then
                    fact said "$(cat "$file" 2>&1 >/dev/null)"
                else
                    fact said 'it is no regular file'
                fi
            fi
        }

        # The highest number that has been here. The file is only ever added to, so that no crash can lower it.
        seen_token() {
            seen=0 token_lines=0
            {
                while read -r line; do
                    token_lines=$((token_lines + 1))
                    number "$line" && [ "$line" -gt "$seen" ] && seen=$line
                done <"$state/$app.token"
            } 2>/dev/null
        }

        # Whoever holds the key of an installed script could name a number that no release ever reaches, and so lock out all
        # that come: half a million releases are not skipped.
        remember_token() {
            [ "$token" -gt "$seen" ] || return 0
            [ -z "$installed" ] || [ $((token - seen)) -le 1000000 ] ||
                forbid "the number $token is too far above $seen, the last one that was here ($state/$app.token)"
            if [ "$token_lines" -ge 100 ]; then
                keep_text "$state/$app.token" "$token" && return
            else
                { printf '%s\n' "$token" >>"$state/$app.token"; } 2>/dev/null && return
            fi
            fact unwritable "$state/$app.token"
            finish
        }

        fence() {
            seen_token
            fact token "$seen"
            [ "$token" -ge "$seen" ] || { fact fenced "$seen"; finish; }
        }

        # Standard input (NodePayload), to a line `=end`, where a session has not read it. What was cut off on its way has
        # no such line.
        payload() {
            [ -z "$plain$coded" ] || return 0
            while IFS= read -r line; do
                [ "$line" != '=end' ] || return 0
                payload_line
            done
            fact truncated input
            finish
        }

        no_payload() { coded= plain= old= new= url= sumurl= section=; }
        no_payload

        payload_line() {
            case $plain$line in
            =plain) plain=yes ;;
            yes*) section_line ;;
            *) coded=$coded$line$newline ;;
            esac
        }

        # Where it came in base64.
        decoded() {
            [ -n "$coded" ] || return 0
            text=$(
                base64 -d <<PAYLOAD
        $coded
        PAYLOAD
            )
            coded=
            while IFS= read -r line; do section_line; done <<TEXT
        $text
        TEXT
        }

        # Sections, each behind a line `=NAME`; their lines are `|TEXT`, and `/TEXT` where no line ends there.
        section_line() {
            case $line in
            '|'*) line=${line#?}$newline ;;
            /*) line=${line#?} ;;
            *)
                section=$line
                return
                ;;
            esac
            case $section in
            =old) old=$old$line ;;
            =new) new=$new$line ;;
            =url) url=$url$line ;;
            =sum) sumurl=$sumurl$line ;;
            esac
        }

        # Nothing in a shell can hold a byte 0, so a file with one cannot be edited.
        whole_text() {
            [ "$present" = yes ] || return 0
            bytes=$(wc -c <"$file")
            [ $((bytes)) -eq "${#text}" ] && return
            present=unreadable
            fact file unreadable
            fact said 'it holds a byte 0'
        }
        """#
}
