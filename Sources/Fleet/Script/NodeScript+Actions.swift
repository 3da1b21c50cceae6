extension NodeScript {
    /// The other actions, and the entry.
    static let actions = #"""
        # ---- the actions ----

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
            assets_facts
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
            # The file is read under the lock, for another staging may have put one there for a moment.
            lock lock
            fence
            still_wanted
            target
            if [ ! -e "$file" ] || [ -n "$artifact" ]; then decoded; fi
            [ -z "$installed" ] || only_known_sources
            file_facts
            [ -n "$accepted" ] || whole_text
            [ "$present" != unreadable ] || finish
            [ "$file" = "$backends/$app.conf" ] || [ -w "${file%/*}" ] || { fact unwritable "${file%/*}"; finish; }
            if [ "$present" = no ]; then
                # Its include may name this very file, so nginx can only be asked with the file there. Nothing is
                # loaded.
                [ -z "$installed" ] || only_down_differs
                write_file "$new" || { fact unwritable "$problem"; finish; }
                test_inclusion
                rm -f "$file"
            fi
            unlock
            lock "$app.stage"
            still_wanted
            # A moment ago an earlier conversation of this release has.
            if [ -z "$accepted" ] || [ -n "$tested" ]; then
                [ -n "$tested" ] || test_inclusion
                if [ "$tested" != 0 ]; then
                    facts said "$tested_words"
                    fact refused test
                    finish
                fi
                facts mention "$mentions"
            fi
            [ "$included" != no ] || { fact included no; finish; }
            find_master || { fact master none; finish; }
            nginx_facts
            judge_facts
            [ "$probe" = none ] || probe_candidate
            [ -z "$preview" ] || [ "$probe" = none ] || [ "$present" = no ] || ask_preview
            [ -z "$artifact" ] || stage_assets
            assets_facts
            [ -z "$post" ] || post_deploy
            fact staged yes
        }

        # This machine's sockets that are connected to port $port, or were a moment ago, in nginx's own network namespace. In
        # /proc/net/tcp (proc(5)) state 01 is ESTABLISHED, 06 TIME_WAIT, and addresses are in the machine's byte order.
        # Where there are many, reading them is what this costs, so they are read once.
        read_sockets() {
            tables=/proc/net
            [ ! -r "/proc/$master/net/tcp" ] || tables=/proc/$master/net
            hex=$(printf %04X "$port")
            sockets=$(grep -hE "[0-9A-F]:$hex 0[1-9B] " "$tables/tcp" "$tables/tcp6" 2>/dev/null)
        }

        # Established ones over the loopback interface, counted at the connecting end only.
        open_connections() {
            ipv4='(0{16}(FFFF0000|0000FFFF))?(0100007F|7F000001)' ipv6='0{24}(01000000|00000001)'
            printf '%s\n' "$sockets" | grep -cE "^ *[0-9]+: [0-9A-F]+:[0-9A-F]{4} ($ipv4|$ipv6):$hex 01 "
        }

        act_drain() {
            find_master
            nginx_facts
            read_sockets
            fact connections "$(open_connections)"
            arrivals
        }

        # Who has made connections to port $port since this was last asked: arriving=COUNT, and from=ADDRESS COUNT for the
        # first of them. Every connection is known by the address and port that it comes from: to the kernel's connection
        # tracking for two minutes after its end, whoever makes it (nf_conntrack_proto_tcp.c), else to /proc/net/tcp,
        # which knows those of this machine. The first time tells nothing, nor does one after a long while, and these
        # tables may be long, so that they are not read all the time.
        arrivals() {
            state_directory
            clock
            seen_before=$state/$app.drain
            { read -r seen_port seen_boot seen_at <"$seen_before"; } 2>/dev/null || seen_port=
            if [ "$seen_port $seen_boot" = "$port $boot" ] && [ $((now - seen_at)) -lt "$apart" ]; then return; fi
            [ -e "$seen_before" ] || : >"$seen_before"
            {
                printf '%s\n' "$sockets"
                if [ -r /proc/net/nf_conntrack ]; then
                    grep -F "dport=$port " /proc/net/nf_conntrack
                # Not every kernel has it as a file.
                elif command -v conntrack >/dev/null; then
                    conntrack -L -p tcp --orig-port-dst "$port"
                fi
            } 2>/dev/null | awk -v port="$port" -v hex="$hex" -v now="$now" -v boot="$boot" '
                function number(digits,   i, value) {
                    for (i = 1; i <= length(digits); i++) value = 16 * value + index("0123456789ABCDEF", substr(digits, i, 1)) - 1
                    return value
                }
                # As the kernel writes them: each four bytes in the order of the machine.
                function address(digits,   i, text) {
                    if (digits ~ /^0+FFFF0000........$/) digits = substr(digits, 25)
                    if (length(digits) != 8) return digits ~ /^0+01000000$/ ? "::1" : "IPv6"
                    for (i = 7; i > 0; i -= 2) text = text (text == "" ? "" : ".") number(substr(digits, i, 2))
                    return text
                }
                FILENAME == ARGV[1] {
                    if (FNR == 1) { comparable = $1 == port && $2 == boot && now - $3 < 6000; next }
                    known[$0] = 1
                    next
                }
                $1 ~ /^[0-9]+:$/ {
                    split($3, far, ":")
                    if (far[2] != hex) next
                    split($2, near, ":")
                    seen[address(near[1]) " " number(near[2])] = 1
                    next
                }
                {
                    source = from = to = ""
                    for (i = 1; i <= NF && to == ""; i++) {
                        if ($i ~ /^src=/) source = substr($i, 5)
                        if ($i ~ /^sport=/) from = substr($i, 7)
                        if ($i ~ /^dport=/) to = substr($i, 7)
                    }
                    if (to == port && from != "") seen[source " " from] = 1
                }
                END {
                    print port, boot, now >ARGV[1]
                    for (each in seen) {
                        print each >ARGV[1]
                        if (each in known) continue
                        arriving++
                        sub(/ [0-9]+$/, "", each)
                        per[each]++
                    }
                    if (!comparable) exit
                    print "arriving=" arriving + 0
                    for (each in per) if (++shown <= 5) print "from=" each " " per[each]
                }' "$seen_before" - 2>/dev/null
        }

        act_check() {
            file_facts
            whole_text
            seen_token
            fact token "$seen"
            find_master
            nginx_facts
            judge_facts
            assets_facts
            binary=$(readlink "/proc/$master/exe" 2>/dev/null)
            fact nginx "$("${binary:-nginx}" -v 2>&1)"
            test_inclusion
            if [ "$tested" = 0 ]; then fact test ok; else fact test failed; fi
            facts said "$tested_words"
            # Where there is no file yet, that its directory is included has to do.
            if [ "$present" = no ] && [ "$included" = no ] && [ -n "$included_there" ]; then included=yes; fi
            fact included "$included"
            facts mention "$mentions"
            facts way "$(printf %s "$ways" | sed 's/^viridian-way=//')"
            for place in "$backends" ${assets:+"$assets"}; do
                while [ ! -e "$place" ]; do
                    place=${place%/*}
                    place=${place:-/}
                done
                free=$(df -Pk "$place" 2>/dev/null | sed -n '2s/^[^ ]* *[0-9]* *[0-9]* *\([0-9]*\).*/\1/p')
                fact disk "$free $place"
                inodes=$(df -Pi "$place" 2>/dev/null | sed -n '2s/^[^ ]* *\([0-9]*\) *[0-9]* *\([0-9]*\).*/\1 \2/p')
                # A file system without a fixed number of them says 0.
                case $inodes in '' | '0 '*) ;; *) fact inodes "${inodes#* } $place" ;; esac
                writable=no
                { mkdir -p "$place/.viridian.try" && echo try >"$place/.viridian.try/try" && writable=yes; } 2>/dev/null
                rm -rf "$place/.viridian.try" 2>/dev/null
                fact writable "$writable $place"
            done
            for program in awk base64 cp df flock grep head mkdir mv od readlink sed sleep stat sync tail timeout tr wc; do
                command -v "$program" >/dev/null || fact lacks "$program"
            done
            command -v bash >/dev/null || command -v nc >/dev/null || fact lacks 'bash or nc'
            if [ -n "$assets" ]; then
                for program in chmod find gzip ln ls sha256sum tar; do
                    command -v "$program" >/dev/null || fact lacks "$program"
                done
                if ! command -v curl >/dev/null; then
                    case $(wget --version 2>/dev/null) in 'GNU Wget'*) ;; *) fact lacks 'curl or GNU wget' ;; esac
                fi
            fi
            fact user "$(id -un 2>/dev/null || id -u)"
            # Where the kernel balances services itself (kube-proxy's IPVS mode), a NodePort has no address 127.0.0.1;
            # in iptables mode it has one where packets to it may be routed.
            [ ! -e /sys/class/net/kube-ipvs0 ] || fact ipvs yes
            localnet=
            { read -r localnet </proc/sys/net/ipv4/conf/all/route_localnet; } 2>/dev/null
            fact localnet "$localnet"
            # What nginx connects to.
            probe_host=127.0.0.1
            for port in $ports; do
                if (exchange "$port" 2 '') >/dev/null; then fact open "$port"; else fact closed "$port"; fi
            done
            fact time "$(date +%s.%N)"
        }

        main() {
            action=$1
            fact viridian-node 4
            [ $# -gt 0 ] || exit 64
            boot=unknown
            { read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
            clock
            fact clock "$now@$boot"
            shift
            app= backends= test_command='nginx -t' reload='nginx -s reload' pid= token=0 until=
            expect= verify=1000 lockwait=10
            port= ports= probe=none send= send_more= accept=good seconds=10 try=2 connections=1 post= post_seconds=300
            version= color= release=
            assets= artifact= artifact_seconds=300 size= sha256= keep=5 offset=0
            upstream= hosts= preview= path=/ pair= prove= as_nginx= apart=150
            master= running= draining= present_workers= tested= included= accepted=
            ended= written= putback= text= long= flipped= present= half=
            for word; do
                case $word in
                app=*) app=${word#*=} ;;
                backends=*) backends=${word#*=} ;;
                test=*) test_command=${word#*=} ;;
                reload=*) reload=${word#*=} ;;
                pid=*) pid=${word#*=} ;;
                token=*) token=${word#*=} ;;
                until=*) until=${word#*=} ;;
                expect=*) expect=${word#*=} ;;
                verify=*) verify=${word#*=} ;;
                lockwait=*) lockwait=${word#*=} ;;
                port=*) port=${word#*=} ;;
                ports=*) ports=${word#*=} ;;
                probe=*) probe=${word#*=} ;;
                send=*) send=${word#*=} ;;
                send_more=*) send_more=${word#*=} ;;
                accept=*) accept=${word#*=} ;;
                seconds=*) seconds=${word#*=} ;;
                try=*) try=${word#*=} ;;
                connections=*) connections=${word#*=} ;;
                accepted=*) accepted=${word#*=} ;;
                upstream=*) upstream=${word#*=} ;;
                hosts=*) hosts=${word#*=} ;;
                preview=*) preview=${word#*=} ;;
                path=*) path=${word#*=} ;;
                pair=*) pair=${word#*=} ;;
                prove=*) prove=${word#*=} ;;
                apart=*) apart=${word#*=} ;;
                post=*) post=${word#*=} ;;
                post_seconds=*) post_seconds=${word#*=} ;;
                version=*) version=${word#*=} ;;
                color=*) color=${word#*=} ;;
                release=*) release=${word#*=} ;;
                assets=*) assets=${word#*=} ;;
                artifact=*) artifact=${word#*=} ;;
                artifact_seconds=*) artifact_seconds=${word#*=} ;;
                size=*) size=${word#*=} ;;
                sha256=*) sha256=${word#*=} ;;
                keep=*) keep=${word#*=} ;;
                offset=*) offset=${word#*=} ;;
                *) fact misused "$word"; exit 64 ;;
                esac
            done
            case $app in '' | .* | *[!A-Za-z0-9._-]*) fact misused "app=$app"; exit 64 ;; esac
            case $backends in /*) ;; *) fact misused "backends=$backends"; exit 64 ;; esac
            case $assets in '' | /?*) ;; *) fact misused "assets=$assets"; exit 64 ;; esac
            for word in "$token" "$verify" "$lockwait" "${port:-0}" "$seconds" "$try" "$connections" "$post_seconds" "$artifact_seconds" \
                "${size:-0}" "$keep" "$offset" "$apart"; do
                number "$word" || { fact misused "$word"; exit 64; }
            done
            case $until in '' | [0-9]*@?*) number "${until%%@*}" || [ -z "$until" ] ;; *) false ;; esac ||
                { fact misused "until=$until"; exit 64; }
            case $ports in *[!0-9\ ]*) fact misused "ports=$ports"; exit 64 ;; esac
            case $pair in *[!0-9\ ]*) fact misused "pair=$pair"; exit 64 ;; esac
            case $upstream$hosts$preview in *[!A-Za-z0-9._:\ -]*) fact misused "$upstream $hosts $preview"; exit 64 ;; esac
            case $path in /*) ;; *) fact misused "path=$path"; exit 64 ;; esac
            case $path in *[!\!-~]* | *[\"\'\\]*) fact misused "path=$path"; exit 64 ;; esac
            case $send$send_more in *[!\\0-7]*) fact misused send; exit 64 ;; esac
            case $version$color$release in *[!A-Za-z0-9._/-]*) fact misused "$version $color $release"; exit 64 ;; esac
            case $sha256 in '') ;; *[!0-9a-f]*) fact misused "sha256=$sha256"; exit 64 ;; esac
            case $artifact in '' | url | part) ;; *) fact misused "artifact=$artifact"; exit 64 ;; esac
            state=$backends/.viridian
            [ -z "$installed" ] || confine
            case $action in
            read | stage | switch | drain | check | receive) "act_$action" ;;
            *) fact misused "$action"; exit 64 ;;
            esac
            finish
        }
        """#
}
