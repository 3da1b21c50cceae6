extension NodeScript {
    /// The candidate asked from the node, in the language that it speaks.
    static let probing = #"""
        # ---- asking the candidate ----

        # One exchange with port $1 of $probe_host within $2 seconds: sends the bytes that printf makes of $3, and answers with
        # the first line of the reply, or where $4 is hex with the first of its bytes as hexadecimal digits. With
        # nothing to send, a connection is enough. Others follow until there were $connections: behind one NodePort there
        # may be a pod that is gone, which only some of them meet. Each line is waited for, since all nodes ask at once,
        # and a pod that takes connections slowly would drop those of a crowd. (nc makes do with the first.)
        exchange() {
            if command -v bash >/dev/null; then
                exec timeout "$2" bash -c '
                    for ((left = $5; left > 0; left--)); do
                        exec 3<>"/dev/tcp/$4/$1" || exit
                        case $2:$3:$reply in
                        :*) ;;
                        *:hex:) printf "$2" >&3; reply=$(cat <&3 | head -c 4096 | od -An -v -tx1 | tr -d " \n") ;;
                        *:hex:*) ;;
                        *)
                            printf "$2" >&3
                            IFS= read -r reply <&3
                            case $reply in "HTTP/1."?" "[1-4]*) ;; *) break ;; esac
                            ;;
                        esac
                    done
                    printf %s "$reply"' sh "$1" "$3" "$4" "$probe_host" "$connections" 2>&1 </dev/null
            elif ! command -v nc >/dev/null; then
                exit 127
            elif [ -z "$3" ]; then
                timeout "$2" nc "$probe_host" "$1" 2>&1 </dev/null >/dev/null
                # It waits for the other side's end: that it still did is an answer.
                case $? in 0 | 124 | 143) ;; *) printf 'Connection refused'; exit 1 ;; esac
            elif [ "$4" = hex ]; then
                printf "$3" | timeout "$2" nc "$probe_host" "$1" | head -c 4096 | od -An -v -tx1 | tr -d ' \n'
            else
                printf "$3" | timeout "$2" nc "$probe_host" "$1" 2>&1 | sed -n 1p
            fi
        }

        # FastCGI's answer (FastCGI 1.0, 3.3 and 5): records of version 1; the status is a line of the output as in CGI,
        # without one it is 200. $send_more asks for FCGI_GET_VALUES, which every application has to answer.
        judge_fastcgi() {
            case $reply in
            0106* | 0107*)
                case $reply in
                *5374617475733a20[3][0-9][3][0-9][3][0-9]*)
                    code=${reply#*5374617475733a203}
                    rest=${code#??}
                    tail=${code#????}
                    code=${code%"${code#?}"}${rest%"${rest#?}"}${tail%"${tail#?}"}
                    ;;
                *) code=200 ;;
                esac
                good_status "$code" && return
                reply="FastCGI answered with status $code"
                ;;
            010a* | 010b*) return 0 ;;
            0103*) reply="FastCGI refused the request" ;;
            '') reply="the connection was closed without an answer" ;;
            *[!0-9a-f]*) ;;
            *) reply="the answer is no FastCGI" ;;
            esac
            return 1
        }

        # With a path that nobody named, any answer that is no server's error will do: it shows that the candidate
        # answers.
        good_status() {
            case $1 in
            [23][0-9][0-9]) return 0 ;;
            4[0-9][0-9]) [ "$accept" = any ] ;;
            *) return 1 ;;
            esac
        }

        probe_once() {
            case $probe in
            http)
                reply=$(exchange "$port" "$probe_try" "$send" line)
                status=$?
                case $reply in
                "HTTP/1."[01]" "[1-5][0-9][0-9]*)
                    code=${reply#* }
                    good_status "${code%"${code#???}"}"
                    return
                    ;;
                esac
                ;;
            fastcgi)
                reply=$(exchange "$port" "$probe_try" "$send" hex)
                status=$?
                judge_fastcgi && return
                [ "$status" = 0 ] && [ "$reply" = "the connection was closed without an answer" ] || return
                reply=$(exchange "$port" "$probe_try" "$send_more" hex)
                judge_fastcgi
                return
                ;;
            *)
                reply=$(exchange "$port" "$probe_try" '')
                status=$?
                return "$status"
                ;;
            esac
            return 1
        }

        # For as long as kube-proxy does not know the candidate's pods, a connection to its NodePort is refused, or taken
        # by nobody, and for two minutes the kernel sends every connection of the same two addresses and ports the same
        # way: one of nginx's, sooner or later. So the port is tried at an address that nginx does not use. Not every
        # proxy listens there (kube-proxy's nodePortAddresses), so 127.0.0.1 is tried too, but rarely.
        probe_candidate() {
            clock
            probe_host=127.0.0.2
            probe_plain=$now
            probe_said=
            probe_until=$((now + seconds * 100))
            # A first connection may have been sent to a pod that is gone, before kube-proxy knew the new ones; the kernel
            # keeps sending it there. So no try gets all the time, and each the double of one that came to nothing.
            probe_try=2 pauses='0.015 0.03 0.06 0.12 0.24'
            [ "$probe_try" -le "$seconds" ] || probe_try=$seconds
            until probe_once; do
                [ "$status" != 127 ] || { fact missing 'bash or nc'; finish; }
                # Nobody listening at the other address says nothing about the candidate.
                case $probe_host:$reply in
                127.0.0.1:*) probe_said=$reply ;;
                *: | *onnection*refused* | *"closed without an answer") ;;
                *) probe_said=$reply ;;
                esac
                clock
                if [ "$now" -ge "$probe_until" ]; then
                    fact probe failed
                    facts said "${probe_said:-no answer within $seconds s}"
                    finish
                fi
                case $status in 124 | 143) probe_try=$((probe_try * 2)) ;; esac
                probe_left=$(((probe_until - now + 99) / 100))
                [ "$probe_try" -le "$probe_left" ] || probe_try=$probe_left
                if [ "$probe_host" = 127.0.0.2 ] && [ "$now" -ge "$probe_plain" ]; then
                    probe_host=127.0.0.1
                    probe_plain=$((now + 500))
                    continue
                fi
                probe_host=127.0.0.2
                next_pause
            done
            fact probe ok
        }
        """#
}
