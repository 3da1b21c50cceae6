extension NodeScript {
    /// The other actions, and the entry.
    static let actions = #"""
        # ---- the actions ----

        # Standard input: a text in base64, then a line `=end`. What was cut off on its way has no such line.
        payload() {
            new=
            while IFS= read -r line; do
                [ "$line" != '=end' ] || return 0
                new=$new${new:+$newline}$line
            done
            fact truncated input
            finish
        }

        act_read() {
            # A release that reads leaves its number: what an older one has sent and is still on its way is void.
            if [ "$token" -gt 0 ]; then
                state_directory
                lock lock
                seen_token
                remember_token
            fi
            file_facts
            seen_token
            fact token "$seen"
            find_master
            nginx_facts
            judge_facts
        }

        # One exchange with 127.0.0.1:$1 within $2 seconds: sends $3, answers with the first line of the reply. With
        # nothing to send, a connection is enough.
        exchange() {
            if command -v bash >/dev/null; then
                timeout "$2" bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" || exit
                    [ -n "$2" ] || exit 0
                    printf %s "$2" >&3 && IFS= read -r line <&3; printf %s "$line"' sh "$1" "$3" 2>&1 </dev/null
            elif command -v nc >/dev/null; then
                if [ -n "$3" ]; then printf %s "$3" | timeout "$2" nc 127.0.0.1 "$1" 2>&1 | sed -n 1p
                else timeout "$2" nc -z 127.0.0.1 "$1" 2>&1; fi
            else
                fact missing 'bash or nc'
                finish
            fi
        }

        probe_once() {
            case $probe in
            http)
                reply=$(exchange "$port" "$patience" \
                    "GET $path HTTP/1.0$end${newline}Host: $host$end${newline}User-Agent: viridian$end$newline$end$newline")
                case $reply in "HTTP/1."[01]" "[23][0-9][0-9]*) return 0 ;; esac
                ;;
            *)
                reply=$(exchange "$port" "$patience" '')
                ;;
            esac || return
            [ "$probe" != http ]
        }

        probe_candidate() {
            end=$(printf '\r')
            clock
            probe_until=$((now + seconds * 100))
            patience=$seconds
            until probe_once; do
                clock
                if [ "$now" -ge "$probe_until" ]; then
                    fact probe failed
                    facts said "${reply:-no answer within $seconds s}"
                    finish
                fi
                pause
            done
            fact probe ok
        }

        # The operator's command after the pods are up, with its lines as they come.
        post_deploy() {
            exec 4>&1
            status=$(
                {
                    {
                        VIRIDIAN_APP=$app VIRIDIAN_VERSION=$version VIRIDIAN_COLOR=$color VIRIDIAN_RELEASE=$release \
                            timeout "$post_seconds" sh -c "$post" </dev/null 2>&1 3>&- 4>&- 9>&-
                        echo "$?" >&3
                    } | relay out >&4
                } 3>&1
            )
            exec 4>&-
            fact post "$status"
            [ "$status" = 0 ] || finish
        }

        act_stage() {
            payload
            state_directory
            lock "$app.stage"
            fence
            file_facts
            [ "$file" = "$backends/$app.conf" ] || [ -w "${file%/*}" ] || { fact unwritable "${file%/*}"; finish; }
            if [ "$sum" = none ]; then
                # Its include may name this very file, so nginx can only be asked with the file there. Nothing is
                # loaded.
                exec 9>&-
                lock lock
                target
                if [ ! -e "$file" ]; then
                    write_file "$new" || { fact unwritable "$problem"; finish; }
                    test_configuration
                    rm -f "$file"
                fi
                exec 9>&-
                lock "$app.stage"
            fi
            [ -n "$tested" ] || test_configuration
            if [ "$tested" != 0 ]; then
                facts said "$tested_words"
                fact refused test
                finish
            fi
            find_master || { fact master none; finish; }
            nginx_facts
            judge_facts
            [ "$probe" = none ] || probe_candidate
            [ -z "$post" ] || post_deploy
            fact staged yes
        }

        # Established connections to port $1 of the loopback interface, counted at the connecting end only, in
        # nginx's own network namespace. In /proc/net/tcp (proc(5)) state 01 is ESTABLISHED and addresses are in the
        # machine's byte order.
        connections_to() {
            hex=$(printf %04X "$1")
            tables=/proc/net
            [ ! -r "/proc/$master/net/tcp" ] || tables=/proc/$master/net
            ipv4='(0{16}(FFFF0000|0000FFFF))?(0100007F|7F000001)' ipv6='0{24}(01000000|00000001)'
            grep -hcE "^ *[0-9]+: [0-9A-F]+:[0-9A-F]{4} ($ipv4|$ipv6):$hex 01 " "$tables/tcp" "$tables/tcp6" 2>/dev/null | {
                total=0
                while read -r count; do total=$((total + count)); done
                echo "$total"
            }
        }

        act_drain() {
            find_master
            nginx_facts
            fact connections "$(connections_to "$port")"
        }

        act_check() {
            file_facts
            seen_token
            fact token "$seen"
            find_master
            nginx_facts
            judge_facts
            binary=$(readlink "/proc/$master/exe" 2>/dev/null)
            fact nginx "$("${binary:-nginx}" -v 2>&1)"
            [ -n "$tested" ] || test_configuration
            if [ "$tested" = 0 ]; then fact test ok; else fact test failed; fi
            facts said "$tested_words"
            # The same command with -T prints every file that is part of the configuration.
            case $test_command in
            *' -t'*)
                whole=$(sh -c "${test_command% -t*} -T${test_command##* -t}" </dev/null 2>/dev/null)
                included=no
                case $whole in
                *"# configuration file $backends/$app.conf:"* | *"# configuration file $file:"*) included=yes ;;
                esac
                if [ "$sum" = none ]; then
                    included=no
                    printf '%s\n' "$whole" | grep -F "$backends/" | grep -q '^[[:space:]]*include[[:space:]]' &&
                        included=yes
                fi
                ;;
            *) included=unknown ;;
            esac
            fact included "$included"
            writable=no
            { mkdir -p "$state" && true >"$state/.try" && rm -f "$state/.try"; } 2>/dev/null && writable=yes
            fact writable "$writable"
            fact free_kib "$(df -Pk "$backends" 2>/dev/null | sed -n '2s/^[^ ]* *[0-9]* *[0-9]* *\([0-9]*\).*/\1/p')"
            fact time "$(date +%s)"
            fact user "$(id -un)"
            for port in $ports; do
                if exchange "$port" 2 '' >/dev/null; then fact open "$port"; else fact closed "$port"; fi
            done
        }

        main() {
            action=$1
            fact viridian-node 1
            [ $# -gt 0 ] || exit 64
            shift
            app= backends= test_command='nginx -t' reload='nginx -s reload' pid= token=0 expect= verify=1000 lockwait=10
            port= ports= probe=none path=/ host=localhost seconds=10 post= post_seconds=300 version= color= release=
            master= tested= ended= written= putback= lock_until= sum= text=
            for word; do
                case $word in
                app=*) app=${word#*=} ;;
                backends=*) backends=${word#*=} ;;
                test=*) test_command=${word#*=} ;;
                reload=*) reload=${word#*=} ;;
                pid=*) pid=${word#*=} ;;
                token=*) token=${word#*=} ;;
                expect=*) expect=${word#*=} ;;
                verify=*) verify=${word#*=} ;;
                lockwait=*) lockwait=${word#*=} ;;
                port=*) port=${word#*=} ;;
                ports=*) ports=${word#*=} ;;
                probe=*) probe=${word#*=} ;;
                path=*) path=${word#*=} ;;
                host=*) host=${word#*=} ;;
                seconds=*) seconds=${word#*=} ;;
                post=*) post=${word#*=} ;;
                post_seconds=*) post_seconds=${word#*=} ;;
                version=*) version=${word#*=} ;;
                color=*) color=${word#*=} ;;
                release=*) release=${word#*=} ;;
                *) fact misused "$word"; exit 64 ;;
                esac
            done
            case $app in '' | .* | *[!A-Za-z0-9._-]*) fact misused "app=$app"; exit 64 ;; esac
            case $backends in /*) ;; *) fact misused "backends=$backends"; exit 64 ;; esac
            for word in "$token" "$verify" "$lockwait" "${port:-0}" "$seconds" "$post_seconds"; do
                number "$word" || { fact misused "$word"; exit 64; }
            done
            state=$backends/.viridian
            case $action in
            read | stage | switch | drain | check) "act_$action" ;;
            *) fact misused "$action"; exit 64 ;;
            esac
            finish
        }
        """#
}
