extension NodeScript {
    /// The candidate asked from the node, in the language that it speaks.
    static let probing = exchanging + "\n\n" + judging

    private static let judging = #"""
        # ---- asking the candidate ----

        # Connections are made as the user of nginx's workers, where this may: a firewall rule or a label that keeps that
        # user from the candidate keeps all visitors from it.
        ask_as_nginx() {
            as_nginx=
            ids "$$" && [ "$uid" = 0 ] && [ -n "$running" ] || return 0
            worker=${running%% *}
            ids "${worker%%:*}" && [ "$uid" != 0 ] && command -v setpriv >/dev/null || return 0
            as_nginx="setpriv --reuid=$uid --regid=$gid --clear-groups --"
            # busybox has a setpriv that cannot change users.
            $as_nginx true 2>/dev/null || as_nginx=
        }

        # Whether no port answers at another address than 127.0.0.1: the other colour, which serves, does not. A refusal by
        # itself does not say so, for kube-proxy refuses for a service without pods, after the kernel has taken note.
        only_plain() {
            if [ -z "$only_plain" ]; then
                other=${pair% *} only_plain=yes
                [ "$other" != "$port" ] || other=${pair#* }
                if [ -n "$other" ] && (probe_host=127.0.0.2 connections=1 probe_left=1 && exchange "$other" 1 '') >/dev/null; then
                    only_plain=no
                fi
            fi
            [ "$only_plain" = yes ]
        }

        # The effective user and group of process $1 (proc(5), status).
        ids() {
            uid= gid=
            {
                while read -r key first effective rest; do
                    case $key in
                    Uid:) uid=$effective ;;
                    Gid:)
                        gid=$effective
                        return 0
                        ;;
                    esac
                done <"/proc/$1/status"
            } 2>/dev/null
            return 1
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
            http | https)
                case $probe in https) mode=tls ;; *) mode=line ;; esac
                reply=$(exchange "$port" "$probe_try" "$send" "$mode")
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
        # by the socket with which kube-proxy reserves the port (up to 1.22) and never answered, and for as long as the
        # kernel remembers that connection it sends every one of the same two addresses and ports the same way: one of
        # nginx's, sooner or later. So the port is tried at an address that nginx does not use. Not every proxy listens
        # there (kube-proxy's nodePortAddresses): where the live colour does not answer there either, and nowhere else,
        # 127.0.0.1 is tried too.
        probe_candidate() {
            only_plain=
            ask_as_nginx
            clock
            probe_host=127.0.0.2
            probe_plain=$now
            probe_said=
            probe_until=$((now + seconds * 100)) probe_left=$seconds
            if [ "$probe" = https ] && ! command -v openssl >/dev/null &&
                ! { command -v curl && command -v bash; } >/dev/null; then
                probe=tcp
                fact out "the candidate's readiness probe speaks https, and there is no openssl here: only that it takes \
        connections is tried"
            fi
            # A first connection may have been sent to a pod that is gone, before kube-proxy knew the new ones; the kernel
            # keeps sending it there. So no try gets all the time, and each the double of one that came to nothing.
            probe_try=$try pauses='0.015 0.03 0.06 0.12 0.24'
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
                    if [ -n "$as_nginx" ]; then
                        as_nginx= probe_host=127.0.0.2 probe_try=2 probe_left=2
                        ! probe_once || fact said "root gets an answer, the user of nginx (uid $uid) does not: a firewall rule or a \
        security label keeps it from the port"
                    fi
                    finish
                fi
                case $status in 124 | 143) probe_try=$((probe_try * 2)) ;; esac
                probe_left=$(((probe_until - now + 99) / 100))
                [ "$probe_try" -le "$probe_left" ] || probe_try=$probe_left
                case $status:$reply in
                124:* | 143:*) refused= ;;
                # Not every program says that it was refused; who was taken and left waiting has waited.
                *:*onnection*refused* | *: | *"closed without an answer") refused=yes ;;
                *) refused= ;;
                esac
                if [ "$probe_host$refused" = 127.0.0.2yes ] && [ "$now" -ge "$probe_plain" ] && only_plain; then
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
