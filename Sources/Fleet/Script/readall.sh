# shellcheck shell=sh
# readall: what `read` says, of many apps in one request. Changes nothing.
#
# The apps come on standard input (payload.sh), one a line: NAME, or NAME BLUE GREEN ASSETS for one with static assets. The
# answer is `group=COUNT` and nginx's processes, then for each app of that group `app=NAME` and what `read` says of it. What is
# wrong with one app's file is said there, and the others are answered all the same.
#
# A group is read together: first the files, then nginx's workers, then when the files last changed, which one program says of
# all of them. So each app's facts are found in the order in which `read` finds them.
#
# For other parts: read_apps, app_of_entry (checkall.sh)

act_readall() {
    read_payload
    decode_payload
    [ -z "$installed" ] || allow_apps
    find_master
    read_apps
}

# The apps of the request, a group after the other.
read_apps() {
    group=0 number=0
    while IFS= read -r entry; do
        [ -z "$entry" ] || read_app
        [ "$group" -lt 50 ] || answer_group
    done <<APPS
$apps
APPS
    answer_group
}

# The app of the line $entry: its file, kept in variables that end in its number in the group.
read_app() {
    app_of_entry
    number=$((number + 1))
    present=no file='' text='' long='' unreadable=''
    [ -n "$why" ] || read_file
    group=$((group + 1))
    for each in $kept; do
        eval "${each}_$group=\$$each"
    done
}

# What is kept of an app until its group is answered.
kept='app why number ports assets live present file text long unreadable'

# The values of the line $entry.
app_of_entry() {
    why='' ports='' assets='' upstream='' live='' hosts='' preview=''
    case $entry in
    *"$tab"*)
        upstream=${entry#*"$tab"} entry=${entry%%"$tab"*}
        live=${upstream#*"$tab"} upstream=${upstream%%"$tab"*}
        hosts=${live#*"$tab"} live=${live%%"$tab"*}
        preview=${hosts#*"$tab"} hosts=${hosts%%"$tab"*}
        ;;
    esac
    case $entry in
    '!'*)
        why=${entry#?}
        app=${why##* }
        why=${why%% *}
        ;;
    *' '*)
        app=${entry%% *} ports=${entry#* }
        assets=${ports#* }
        ports="${ports%% *} ${assets%% *}"
        assets=${assets#* }
        ;;
    *) app=$entry ;;
    esac
    case $app in '' | .* | *[!A-Za-z0-9._-]*) fact misused "app=$app"; exit 64 ;; esac
    case $ports in *[!0-9\ ]*) fact misused "ports=$ports"; exit 64 ;; esac
    case $assets in '' | /?*) ;; *) fact misused "assets=$assets"; exit 64 ;; esac
    case " $ports " in *" ${live:-${ports%% *}} "*) ;; *) fact misused "live=$live"; exit 64 ;; esac
    case $upstream$hosts$preview in *[!A-Za-z0-9._:\ -]*) fact misused "$upstream $hosts $preview"; exit 64 ;; esac
}

# Answers what the group's apps have, and begins another group.
answer_group() {
    [ "$group" -gt 0 ] || return 0
    [ -z "$master" ] || find_master
    read_change_times
    [ "$action" != checkall ] || open_live_ports
    fact group "$group"
    nginx_facts
    index=0
    while [ "$index" -lt "$group" ]; do
        index=$((index + 1))
        for each in $kept; do
            eval "$each=\$${each}_$index ${each}_$index="
        done
        fact app "$app"
        case $why in
        '') ;;
        none)
            fact forbidden "$installed has no ports.$app"
            continue
            ;;
        *)
            fact forbidden "$why.$app is not what $installed has"
            continue
            ;;
        esac
        take_change_time
        file_answer
        [ "$action" != checkall ] || refuse_zero_byte
        read_token
        fact token "$seen"
        loaded_facts
        assets_facts
        [ "$action" != checkall ] || checked_app_facts
    done
    group=0
}

# When the group's files last changed, a line each in $change_times. They are not there for files that have gone since.
read_change_times() {
    set --
    index=0
    while [ "$index" -lt "$group" ]; do
        index=$((index + 1))
        eval "present=\$present_$index file=\$file_$index"
        [ "$present" != yes ] || set -- "$@" "$file"
    done
    clock
    before_stat=$now
    change_times=$(stat -c '%Z %z %n' /proc/self/stat "$@" 2>/dev/null)$newline
    clock
    after_stat=$now
    wall_time=${change_times%%"$newline"*}
    wall_time=${wall_time%' /proc/self/stat'}
    change_times=${change_times#*"$newline"}
    times_read=yes
}

# The file's line of $change_times, in $change_time.
take_change_time() {
    change_time=
    [ "$present" = yes ] || return 0
    case ${change_times%%"$newline"*} in
    *" $file")
        change_time=${change_times%%"$newline"*}
        change_time=${change_time%" $file"}
        change_times=${change_times#*"$newline"}
        ;;
    esac
}
