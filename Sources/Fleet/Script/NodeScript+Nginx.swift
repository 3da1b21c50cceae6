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
        find_master() {
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
                return
            done
            return 1
        }

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
        # children: a worker that was started a moment ago has no name yet.
        look() {
            running= draining= present=
            children "$master"
            for child in $kids; do
                started "$child" || continue
                present="$present $child:$since"
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
                { read -r stat <"/proc/$master/stat"; } 2>/dev/null
                case "${stat##*) } $wchan" in S*sigsuspend*) return 0 ;; esac
                case $wchan in '' | 0) case ${stat##*) } in S*) return 0 ;; esac ;; esac
                clock
                [ "$now" -lt "$settle_until" ] || return 1
                pause
            done
        }

        # When the file last changed, in hundredths of a second since boot, and how exact that is. The change time,
        # not the modification time: `mv` and `cp -p` bring an old one of the latter along.
        changed_at() {
            changed=$(stat -c %.9Z "$file" 2>/dev/null) wall=$(date +%s.%N)
            clock
            slack=0
            case ${changed:-x}${wall:-x} in
            *[!0-9.]*) changed=$(stat -c %Z "$file").00 wall=$(date +%s).00 slack=100 ;;
            esac
            fraction=${changed#*.}00 wall_fraction=${wall#*.}00
            fraction=${fraction%"${fraction#??}"} wall_fraction=${wall_fraction%"${wall_fraction#??}"}
            changed=$((now - (${wall%.*}00 + 1$wall_fraction) + (${changed%.*}00 + 1$fraction)))
        }

        read_record() { read -r recorded_sum && read -r recorded_master && read -r recorded_workers; }

        # Whether the workers that accept connections have loaded the file as it is now (loaded=yes|no|unknown), and
        # why that is known. First evidence: what `switch` recorded when it had verified which workers loaded which
        # text. As long as one of those workers runs, no reload has happened since (a reload replaces all; one that
        # crashed is replaced from the master's memory). Second: the order in time. The master reads the file just
        # before it starts workers, so workers older than the file have not loaded it.
        judge() {
            loaded=unknown because='nginx is not running' recorded_text=
            [ -n "$master" ] || return
            because='the file cannot be read'
            [ -n "$sum" ] && [ "$sum" != none ] || return
            because='nginx has no running worker'
            [ -n "$running" ] || return
            recorded_sum= recorded_master= recorded_workers=
            { read_record <"$state/$app.loaded"; } 2>/dev/null
            if [ "$recorded_master" = "$master:$master_since" ]; then
                for worker in $running; do
                    case " $recorded_workers " in
                    *" $worker "*)
                        because='verified workers are still running'
                        loaded=no
                        if [ "$recorded_sum" = "$sum" ]; then loaded=yes; else recorded_text=yes; fi
                        return
                        ;;
                    esac
                done
            fi
            changed_at
            because='nginx was started after the file last changed'
            [ $((master_since - slack)) -le "$changed" ] || { loaded=yes; return; }
            oldest=
            for worker in $running; do
                [ -n "$oldest" ] && [ "${worker#*:}" -ge "$oldest" ] || oldest=${worker#*:}
            done
            because='a worker is older than the last change of the file: nginx was not reloaded since'
            [ "$oldest" -ge $((changed - 1)) ] || { loaded=no; return; }
            because='the workers were started after the file last changed'
            [ $((oldest - slack)) -le "$changed" ] || { loaded=yes; return; }
            because='the file changed in the moment in which nginx was reloaded'
        }

        nginx_facts() {
            if [ -z "$master" ]; then
                fact master none
                return
            fi
            look
            fact master "$master"
            fact workers "$running"
            fact draining "$draining"
        }

        judge_facts() {
            judge
            fact loaded "$loaded"
            fact because "$because"
            [ -z "$recorded_text" ] || sed -n '4,$s/^/loaded_text=/p' "$state/$app.loaded"
        }

        # Remembers which text the running workers have loaded: the base64 text in $1, whose sum is $2.
        record() {
            {
                printf '%s\n%s\n%s\n%s\n' "$2" "$master:$master_since" "$running" "$1" >"$state/.$app.loaded" &&
                    mv -f "$state/.$app.loaded" "$state/$app.loaded"
            } 2>/dev/null
        }

        # The master's error log is its standard error (ngx_log_redirect_stderr).
        error_log() {
            log=$(readlink "/proc/$master/fd/2" 2>/dev/null)
            log_size=0
            if [ -f "$log" ]; then log_size=$(wc -c <"$log"); else log=; fi
        }

        log_news() {
            [ -n "$log" ] || return
            tail -c "+$((log_size + 1))" "$log" 2>/dev/null | grep -E "\[(emerg|alert|crit|error)\] $master#" | tail -n 5
        }
        """#
}
