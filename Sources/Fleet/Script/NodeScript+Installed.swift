extension NodeScript {
    /// What an installed script adds: limits that whoever holds the key cannot move.
    static let installed = #"""
        # ---- installed on the node, for a key that may do nothing else ----

        # $installed names a file that only root can change. What it fixes is not up to whoever holds the key; a
        # request that brings something else is refused.
        forbid() {
            fact forbidden "$1"
            finish
        }

        fixed() {
            while IFS= read -r line; do
                case $line in "$1="*) printf %s "${line#*=}" ;; esac
            done <"$installed"
        }

        same_as_fixed() {
            case $2 in "$(fixed "$1")") ;; *) forbid "$1 is not what $installed has" ;; esac
        }

        confine() {
            [ -f "$installed" ] && [ -r "$installed" ] || forbid "$installed is not there"
            case $(stat -L -c '%u %A' "$installed") in
            '0 -'????-??-?) ;;
            "$(id -u) -"????-??-?) ;;
            *) forbid "$installed must belong to root, and to nobody else to write" ;;
            esac
            same_as_fixed backends "$backends"
            same_as_fixed test "$test_command"
            same_as_fixed reload "$reload"
            same_as_fixed pid "$pid"
            fixed_ports=$(fixed "ports.$app")
            [ -n "$fixed_ports" ] || forbid "$installed has no ports.$app"
            [ -z "$ports" ] || [ "$ports" = "$fixed_ports" ] || forbid "ports.$app is not what $installed has"
            ports=$fixed_ports
            case " $ports " in *" ${port:-${ports%% *}} "*) ;; *) forbid "port $port is not one of ports.$app" ;; esac
            [ -z "$upstream" ] || same_as_fixed "upstream.$app" "$upstream"
            [ -z "$post" ] || same_as_fixed "postDeploy.$app" "$post"
            [ -z "$assets$artifact" ] && [ "$action" != receive ] || same_as_fixed "assets.$app" "$assets"
            if [ "$action" = receive ] || [ "$artifact" = part ]; then
                [ "$(fixed "artifact.$app")" = file ] || forbid "artifact.$app in $installed does not say file"
            fi
        }

        # Artifacts only from where the file says.
        only_known_sources() {
            [ "$artifact" = url ] || return 0
            from=$(fixed "artifact.$app")
            [ -n "$from" ] || forbid "$installed has no artifact.$app"
            # Without a slash behind the host, what follows could make another host of it.
            case ${from#*://} in
            "$from") forbid "artifact.$app is not where this artifact is" ;;
            ?*/*) ;;
            *) forbid "artifact.$app in $installed needs a slash after its host" ;;
            esac
            for word in "$url" ${sumurl:+"$sumurl"}; do
                case $word in
                *..* | *%2[eE]* | *"$newline"?*) forbid "artifact.$app is not where this artifact is" ;;
                "$from"*) ;;
                *) forbid "artifact.$app is not where this artifact is" ;;
                esac
            done
        }

        without_down() {
            word='s/[[:space:]]\{1,\}down\([[:space:];]\)/\1/g'
            printf %s "$1" | sed -e "$word" -e "$word"
        }

        # A new text may differ from the old one in the word `down`; where there is none, it may be the app's upstream and
        # its preview's, of the two ports, and nothing else: a name that another site passes its requests to would bring
        # them here.
        only_down_differs() {
            if [ "$present" = yes ]; then
                [ "$(without_down "$old" && echo .)" = "$(without_down "$new" && echo .)" ] ||
                    forbid 'the new file differs in more than the word down'
                return
            fi
            name=$(fixed "upstream.$app")
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
        """#
}
