# shellcheck shell=sh
# Which text nginx's workers have loaded: judged from a record of the last verified switch, or from times.
#
# For other parts: check_loaded, loaded_facts, record_loaded; $loaded, $because

loaded_facts() {
    check_loaded
    fact loaded "$loaded"
    fact because "$because"
    [ -n "$recorded_text" ] || return 0
    long=$recorded_long
    text_facts loaded_text "$recorded"
}

# Whether the workers that accept connections have loaded the file as it is now ($loaded is yes, no or unknown), and
# how that is known ($because). First evidence: the record. As long as one of its workers runs, no reload has happened
# since (a reload replaces all workers; one that crashed is replaced from the master's memory). Second: times. The
# master reads the file just before it starts workers, so workers older than the file's last change have not loaded
# it.
check_loaded() {
    loaded=unknown because='nginx is not running' recorded_text=''
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
                because='the running workers have loaded the text that was there before'
                recorded_text=yes
                return
                ;;
            esac
        done
    fi
    because='the time of the last change of the file is not known'
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
    because='the file changed at the moment at which nginx was reloaded'
}

# When the file last changed, in hundredths of a second since boot: between $changed_least and $changed_most. The
# change time (ctime), not the modification time, which `mv` and `cp -p` bring along from elsewhere. What the wall
# clock says now is read from a file of proc(5), which is created as it is looked at; stat(1) of coreutils and of
# busybox both know `%z`. File systems stamp by a clock that lags by a timer tick (10 ms at most), and each time here
# is cut to hundredths: hence the two more. (`readall` has asked for many files at once: $times_read.)
changed_at() {
    if [ -z "$times_read" ]; then
        clock
        before_stat=$now
        times=$(stat -c '%Z %z' "$file" /proc/self/stat 2>/dev/null) || return
        clock
        after_stat=$now
        change_time=${times%%"$newline"*} wall_time=${times#*"$newline"}
    fi
    [ -n "$change_time" ] || return
    slack=0
    hundredths "$change_time"
    age=$at
    hundredths "$wall_time"
    age=$((at - age))
    changed_least=$((before_stat - age - slack)) changed_most=$((after_stat - age + slack + 2))
}

# A time of stat(1) in hundredths of a second, in $at.
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

# What `switch` recorded when it had verified which workers loaded which text. An incomplete record counts as none.
read_record() {
    recorded='' recorded_master='' recorded_workers='' recorded_long='' whole=''
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

# Records that the workers have loaded the text $1. All children are recorded, for a worker that was started a moment
# ago has no name yet, and those that are finishing do not count later.
record_loaded() {
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
        echo '=end'
    } 2>/dev/null >"$state/$app.loaded"
}
