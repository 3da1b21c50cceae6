extension NodeScript {
    /// nginx: its master, its workers, and the proof of what they have loaded.
    static let nginx = #"""
        # ---- nginx: its master, its workers, what they have loaded ----

        # Start time of a process in hundredths of a second since boot: field 22 of its stat (proc(5)); USER_HZ is
        # 100.
        started() {
            since= stat=
            { read -r stat <"/proc/$1/stat"; } 2>/dev/null
            [ -n "$stat" ] || return 1
            fields ${stat##*) }
        }
        fields() { since=${20}; }

        title() {
            title=
            { read -r title <"/proc/$1/cmdline"; } 2>/dev/null
        }

        is_master() {
            number "$1" && title "$1"
            case $title in "nginx: master process"*) started "$1" ;; *) return 1 ;; esac
        }

        master_of() {
            candidate=
            { read -r candidate <"$1"; } 2>/dev/null
            is_master "$candidate" || return 1
            master=$candidate master_since=$since pidfile=$1
        }

        directive_of() {
            sed 's/#.*//' "$1" 2>/dev/null | tr ';{}' '\n\n\n' |
                sed -n "s/^[[:space:]]*$2[[:space:]]\{1,\}//p" | sed -n 1p | tr -d "\"' \t\r"
        }

        # The running master: by the operator's pid file, the one found last time, the configuration that the test
        # command names, the pid file that nginx was built with, the usual one.
        locate_master() {
            master= remembered=
            if [ -n "$pid" ]; then
                master_of "$pid"
                return
            fi
            { read -r remembered <"$state/pidfile"; } 2>/dev/null
            [ -n "$remembered" ] && master_of "$remembered" && return
            [ -n "$tested" ] || test_configuration
            configuration=$(printf '%s\n' "$tested_words" |
                sed -n -e 's/ syntax is ok$//' -e 's/ test is successful$//' -e 's/ test failed$//' \
                    -e 's/^nginx: \(the \)\{0,1\}configuration file //p' | sed -n 1p)
            built=$(nginx -V 2>&1 | tr ' ' '\n')
            prefix=$(printf '%s\n' "$test_command" | sed -n 's/.* -p *\([^ ]*\).*/\1/p')
            [ -n "$prefix" ] || prefix=$(printf '%s\n' "$built" | sed -n 's/^--prefix=//p')
            built_pid=$(printf '%s\n' "$built" | sed -n 's/^--pid-path=//p')
            for found in "$(directive_of "$configuration" pid)" "$built_pid" /run/nginx.pid; do
                case $found in '') continue ;; /*) ;; *) found=$prefix/$found ;; esac
                master_of "$found" || continue
                { printf '%s\n' "$found" >"$state/pidfile"; } 2>/dev/null
                return 0
            done
            return 1
        }

        # The master and its workers.
        find_master() { locate_master && look; }

        test_configuration() {
            command_of_operator "$test_command"
            tested=$status tested_words=$words
        }

        children() {
            kids=
            if [ -r "/proc/$1/task/$1/children" ]; then
                { read -r kids <"/proc/$1/task/$1/children"; } 2>/dev/null
                return
            fi
            set +f
            for entry in /proc/[0-9]*; do
                stat=
                { read -r stat <"$entry/stat"; } 2>/dev/null
                stat=${stat##*) }
                stat=${stat#* }
                [ "${stat%% *}" != "$1" ] || kids="$kids ${entry#/proc/}"
            done
            set -f
        }

        # The workers that accept connections, as PID:START, those that are finishing their last requests, and all
        # children: a worker that was started a moment ago has no name yet. When one was started is read once: many
        # shells read a file byte by byte, each byte a system call, and stat is long.
        look() {
            running= draining= before_look=$present_workers present_workers=
            children "$master"
            for child in $kids; do
                case "$before_look " in
                *" $child:"*)
                    since=${before_look##*" $child:"}
                    since=${since%% *}
                    ;;
                *) started "$child" || continue ;;
                esac
                present_workers="$present_workers $child:$since"
                title "$child"
                case $title in
                "nginx: worker process is shutting down"*) draining="$draining $child" ;;
                "nginx: worker process"*) running="$running $child:$since" ;;
                esac
            done
            running=${running# } draining=${draining# }
        }

        # None of the children $1 is a worker that accepts connections, and at least one other is.
        replaced() {
            look
            [ -n "$running" ] || return 1
            for worker in $running; do
                case " $1 " in *" $worker "*) return 1 ;; esac
            done
        }

        # The master is at rest, and all its children are among $1: it has not taken what it was asked to load.
        took_nothing() {
            settle || return
            look
            for worker in $present_workers; do
                case " $1 " in *" $worker "*) ;; *) return 1 ;; esac
            done
        }

        same_master() { started "$master" && [ "$since" = "$master_since" ]; }

        # Waits until the master is not in the middle of a reload that someone else asked for: it could have read
        # the file as it was before, and its new workers would look like ours. At rest the master sleeps in
        # sigsuspend(2); where the kernel does not name the call (wchan), sleeping has to do. Fails when it never
        # rests.
        settle() {
            clock
            settle_until=$((now + 100))
            while :; do
                wchan= stat=
                { read -r wchan <"/proc/$master/wchan"; } 2>/dev/null
                case $wchan in
                *sigsuspend*) return 0 ;;
                '' | 0)
                    { read -r stat <"/proc/$master/stat"; } 2>/dev/null
                    case ${stat##*) } in S*) return 0 ;; esac
                    ;;
                esac
                clock
                [ "$now" -lt "$settle_until" ] || return 1
                pause
            done
        }

        # When the file last changed, in hundredths of a second since boot: between $changed_least and $changed_most.
        # The change time, not the modification time: `mv` and `cp -p` bring an old one of the latter along. What the
        # wall clock says now is seen at a file of proc(5) that comes into being as it is looked at; stat(1) of
        # coreutils and of busybox both know `%z`. File systems stamp by a clock that lags by a timer tick (10 ms at
        # most), and each time here is cut to hundredths: hence the two more.
        changed_at() {
            clock
            before_stat=$now
            times=$(stat -c '%Z %z' "$file" /proc/self/stat 2>/dev/null) || return
            clock
            slack=0
            hundredths "${times%%"$newline"*}"
            age=$at
            hundredths "${times#*"$newline"}"
            age=$((at - age))
            changed_least=$((before_stat - age - slack)) changed_most=$((now - age + slack + 2))
        }

        hundredths() {
            case $1 in
            *.[0-9][0-9]*)
                at=${1#*.}
                at=${at%"${at#??}"}
                ;;
            *) at=00 slack=100 ;;
            esac
            at=$((${1%% *}00 + 1$at - 100))
        }

        # What `switch` wrote down when it had verified which workers loaded which text. One that was cut off is none.
        read_record() {
            recorded= recorded_master= recorded_workers= recorded_long= whole=
            {
                read -r line && [ "$line" = '=loaded' ] || return 1
                read -r recorded_master && read -r recorded_workers || return 1
                while IFS= read -r line; do
                    case $line in
                    '|'*) recorded=$recorded${line#?}$newline ;;
                    /*) recorded=$recorded${line#?} ;;
                    =end) whole=yes ;;
                    esac
                    [ "${#line}" -lt 8000 ] || recorded_long=yes
                done
            } <"$state/$app.loaded"
        } 2>/dev/null

        # Whether the workers that accept connections have loaded the file as it is now (loaded=yes|no|unknown), and
        # why that is known. First evidence: the record. As long as one of its workers runs, no reload has happened
        # since (a reload replaces all; one that crashed is replaced from the master's memory). Second: the order in
        # time. The master reads the file just before it starts workers, so workers older than the file have not
        # loaded it.
        judge() {
            loaded=unknown because='nginx is not running' recorded_text=
            [ -n "$master" ] || return
            because='the file cannot be read'
            [ "$present" = yes ] || return
            because='nginx has no running worker'
            [ -n "$running" ] || return
            if read_record && [ -n "$whole" ] && [ "$recorded_master" = "$master:$master_since" ]; then
                for worker in $running; do
                    case " $recorded_workers " in
                    *" $worker "*)
                        because='verified workers are still running'
                        loaded=no
                        [ "$recorded" != "$text" ] || { loaded=yes; return; }
                        because='the workers that run have loaded what was there before'
                        recorded_text=yes
                        return
                        ;;
                    esac
                done
            fi
            because='the time of its last change is not known'
            changed_at || return
            because='nginx was started after the file last changed'
            [ "$master_since" -le "$changed_most" ] || { loaded=yes; return; }
            oldest=
            for worker in $running; do
                [ -n "$oldest" ] && [ "${worker#*:}" -ge "$oldest" ] || oldest=${worker#*:}
            done
            because='a worker is older than the last change of the file: nginx was not reloaded since'
            [ "$oldest" -ge $((changed_least - 1)) ] || { loaded=no; return; }
            because='the workers were started after the file last changed'
            [ "$oldest" -le "$changed_most" ] || { loaded=yes; return; }
            because='the file changed in the moment in which nginx was reloaded'
        }

        # What `look` saw.
        nginx_facts() {
            if [ -z "$master" ]; then
                fact master none
                return
            fi
            fact master "$master"
            fact workers "$running"
            fact draining "$draining"
        }

        judge_facts() {
            judge
            fact loaded "$loaded"
            fact because "$because"
            [ -n "$recorded_text" ] || return 0
            long=$recorded_long
            text_facts loaded_text "$recorded"
        }

        # Remembers that the workers have loaded the text $1: every child, for one that was started a moment ago has no name
        # yet, and those that are finishing do not count later.
        record() {
            {
                printf '=loaded\n%s\n%s\n' "$master:$master_since" "${present_workers# }"
                rest=$1
                while :; do
                    case $rest in
                    *"$newline"*) printf '|%s\n' "${rest%%"$newline"*}" ;;
                    '') break ;;
                    *) printf '/%s\n' "$rest"; break ;;
                    esac
                    rest=${rest#*"$newline"}
                done
                echo =end
            } 2>/dev/null >"$state/$app.loaded"
        }

        # The master's error log is its standard error (ngx_log_redirect_stderr).
        error_log() {
            log=/proc/$master/fd/2 log_size=0
            if [ -f "$log" ]; then log_size=$(wc -c <"$log"); else log=; fi
        }

        log_news() {
            [ -n "$log" ] || return
            tail -c "+$((log_size + 1))" "$log" 2>/dev/null |
                grep -E "\[(emerg|alert|crit|error)\] $master#" | tail -n 5
        }
        """#
}
