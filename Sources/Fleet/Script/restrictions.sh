# shellcheck shell=sh
# Limits of a script that is installed on the node for a key that may do nothing else. $installed names a file that
# only root can change (/etc/viridian/node.conf). Whoever holds the key cannot change what it sets: a request that
# brings something else is refused.
#
# For other parts: check_request, allow_apps, check_sources, check_new_text, forbid

# Refuses the request: $1 says why.
forbid() {
    fact forbidden "$1"
    finish
}

# The setting $1.
setting() {
    while IFS= read -r line; do
        case $line in "$1="*) printf %s "${line#*=}" ;; esac
    done <"$installed"
}

# The value $2 in the request has to be that of the setting $1.
must_match() {
    case $2 in "$(setting "$1")") ;; *) forbid "$1 is not what $installed has" ;; esac
}

# Checks the arguments of a request.
check_request() {
    { [ -f "$installed" ] && [ -r "$installed" ]; } || forbid "$installed does not exist or cannot be read"
    case $(stat -L -c '%u %A' "$installed") in
    '0 -'????-??-?) ;;
    "$(id -u) -"????-??-?) ;;
    *) forbid "$installed must belong to root, and nobody else may write it" ;;
    esac
    must_match backends "$backends"
    must_match test "$test_command"
    must_match reload "$reload"
    must_match pid "$pid"
    if [ "$action" = inspect ]; then
        # It shows all of nginx's configuration, of every site.
        [ "$(setting inspect)" = yes ] || forbid "$installed does not have inspect=yes"
        return
    fi
    # Their apps are checked one by one: allow_apps.
    case $action in readall | checkall) return ;; esac
    fixed_ports=$(setting "ports.$app")
    [ -n "$fixed_ports" ] || forbid "$installed has no ports.$app"
    [ -z "$ports" ] || [ "$ports" = "$fixed_ports" ] || forbid "ports.$app is not what $installed has"
    ports=$fixed_ports
    case " $ports " in *" ${port:-${ports%% *}} "*) ;; *) forbid "port $port is not one of ports.$app" ;; esac
    [ -z "$upstream" ] || must_match "upstream.$app" "$upstream"
    [ -z "$post" ] || must_match "postDeploy.$app" "$post"
    { [ -z "$assets$artifact" ] && [ "$action" != receive ]; } || must_match "assets.$app" "$assets"
    if [ "$action" = receive ] || [ "$artifact" = part ]; then
        [ "$(setting "artifact.$app")" = file ] || forbid "artifact.$app in $installed does not say file"
    fi
}

# Replaces those of $apps that the settings do not have, or have otherwise, by `!WHY NAME`. One program does it for all, because a shell
# reads the settings byte by byte.
allow_apps() {
    apps=$(
        awk "$allowed_awk" part=settings "$installed" part=apps - <<REQUESTED
$apps
REQUESTED
    )
}

# Artifacts only from where the settings say.
check_sources() {
    [ "$artifact" = url ] || return 0
    from=$(setting "artifact.$app")
    [ -n "$from" ] || forbid "$installed has no artifact.$app"
    # Without a slash after the host, what follows could turn it into another host.
    case ${from#*://} in
    "$from") forbid "the artifact does not come from artifact.$app in $installed" ;;
    ?*/*) ;;
    *) forbid "artifact.$app in $installed needs a slash after its host" ;;
    esac
    for source in "$url" ${sumurl:+"$sumurl"}; do
        case $source in
        *..* | *%2[eE]* | *"$newline"?*) forbid "the artifact does not come from artifact.$app in $installed" ;;
        "$from"*) ;;
        *) forbid "the artifact does not come from artifact.$app in $installed" ;;
        esac
    done
}

# The text $1 without the word `down`.
without_down() {
    edit='s/[[:space:]]\{1,\}down\([[:space:];]\)/\1/g'
    printf %s "$1" | sed -e "$edit" -e "$edit"
}

# A new text may differ from the old one in the word `down` only. Where there is no file yet, it may hold the app's
# upstream and its preview's, with the two ports, and nothing else: a name that another site passes its requests to
# would bring them here.
check_new_text() {
    if [ "$present" = yes ]; then
        [ "$(without_down "$old" && echo .)" = "$(without_down "$new" && echo .)" ] ||
            forbid 'the new file differs in more than the word down'
        return
    fi
    name=$(setting "upstream.$app")
    [ -n "$name" ] || forbid "$installed has no upstream.$app"
    rest=$new
    while [ -n "$rest" ]; do
        line=${rest%%"$newline"*}
        case $rest in *"$newline"*) rest=${rest#*"$newline"} ;; *) rest= ;; esac
        case $line in
        "upstream $name {" | "upstream $name-preview {" | "}") continue ;;
        "    server 127.0.0.1:"*" max_fails=0;" | "    server 127.0.0.1:"*" max_fails=0 down;")
            line=${line#*:}
            case " $ports " in *" ${line%% max_fails*} "*) continue ;; esac
            ;;
        esac
        forbid 'the new file is more than an upstream of the two ports'
    done
}
