# shellcheck shell=sh
# The candidate's readiness, asked from this node, by its own probe: http, https, fastcgi or a TCP connection.
#
# For other parts: probe_candidate

# While kube-proxy does not know the candidate's pods, a connection to its NodePort is refused, or taken by the socket
# with which kube-proxy reserves the port (up to 1.22) and never answered. As long as the kernel remembers that
# connection, it sends every one of the same two addresses and ports the same way, sooner or later one of nginx's. So
# the port is tried at an address that nginx does not use, 127.0.0.2. Not every proxy listens there (kube-proxy's
# nodePortAddresses): where the live colour does not answer there either, 127.0.0.1 is tried too.
probe_candidate() {
    only_loopback_1=
    use_worker_identity
    clock
    probe_host=127.0.0.2
    fallback_at=$now
    probe_said=
    probe_until=$((now + seconds * 100)) probe_left=$seconds
    if [ "$probe" = https ] && ! command -v openssl >/dev/null &&
        ! { command -v curl && command -v bash; } >/dev/null; then
        probe=tcp
        fact out "the readiness probe speaks https, and this node has no openssl: only a TCP connection is tried"
    fi
    # A first connection may have been sent to a pod that is gone, before kube-proxy knew the new ones; the kernel
    # keeps sending it there. So no try gets all the time, and each one twice that of a try that timed out.
    probe_try=$try pauses='0.015 0.03 0.06 0.12 0.24'
    [ "$probe_try" -le "$seconds" ] || probe_try=$seconds
    until probe_once; do
        [ "$status" != 127 ] || { fact missing 'bash or nc'; finish; }
        # That nobody listens at 127.0.0.2 says nothing about the candidate.
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
                as_nginx='' probe_host=127.0.0.2 probe_try=2 probe_left=2
                ! probe_once || fact said "root gets an answer, nginx's user (uid $uid) does not: check firewall rules and \
security labels"
            fi
            finish
        fi
        case $status in 124 | 143) probe_try=$((probe_try * 2)) ;; esac
        probe_left=$(((probe_until - now + 99) / 100))
        [ "$probe_try" -le "$probe_left" ] || probe_try=$probe_left
        case $status:$reply in
        124:* | 143:*) refused= ;;
        # Not every program says that it was refused. A connection that was accepted and not answered timed out.
        *:*onnection*refused* | *: | *"closed without an answer") refused=yes ;;
        *) refused= ;;
        esac
        if [ "$probe_host$refused" = 127.0.0.2yes ] && [ "$now" -ge "$fallback_at" ] && only_loopback_1; then
            probe_host=127.0.0.1
            fallback_at=$((now + 500))
            continue
        fi
        probe_host=127.0.0.2
        next_pause
    done
    fact probe ok
}

# One try.
probe_once() {
    case $probe in
    http | https)
        case $probe in https) mode=tls ;; *) mode=line ;; esac
        reply=$(exchange "$port" "$probe_try" "$send" "$mode")
        status=$?
        case $reply in
        "HTTP/1."[01]" "[1-5][0-9][0-9]*)
            code=${reply#* }
            is_good_status "${code%"${code#???}"}"
            return
            ;;
        esac
        ;;
    fastcgi)
        reply=$(exchange "$port" "$probe_try" "$send" hex)
        status=$?
        check_fastcgi && return
        [ "$status" = 0 ] && [ "$reply" = "the connection was closed without an answer" ] || return
        reply=$(exchange "$port" "$probe_try" "$send_more" hex)
        check_fastcgi
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

# Where nobody named a path, any answer that is not a server error will do: it shows that the candidate answers.
is_good_status() {
    case $1 in
    [23][0-9][0-9]) return 0 ;;
    4[0-9][0-9]) [ "$accept" = any ] ;;
    *) return 1 ;;
    esac
}

# FastCGI's answer (FastCGI 1.0, 3.3 and 5): records of version 1; the status is a line of the output as in CGI,
# without one it is 200. $send_more asks for FCGI_GET_VALUES, which every application has to answer.
check_fastcgi() {
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
        is_good_status "$code" && return
        reply="FastCGI answered with status $code"
        ;;
    010a* | 010b*) return 0 ;;
    0103*) reply="FastCGI refused the request" ;;
    '') reply="the connection was closed without an answer" ;;
    *[!0-9a-f]*) ;;
    *) reply="the answer is not FastCGI" ;;
    esac
    return 1
}

# Connections are made as the user of nginx's workers, where this script may: a firewall rule or a security label that
# keeps that user from the candidate keeps all visitors from it.
use_worker_identity() {
    as_nginx=
    ids "$$" && [ "$uid" = 0 ] && [ -n "$running" ] || return 0
    worker=${running%% *}
    ids "${worker%%:*}" && [ "$uid" != 0 ] && command -v setpriv >/dev/null || return 0
    as_nginx="setpriv --reuid=$uid --regid=$gid --clear-groups --"
    # busybox has a setpriv that cannot change users.
    $as_nginx true 2>/dev/null || as_nginx=
}

# Whether ports answer at 127.0.0.1 only: whether the other colour, which serves, does. A refusal by itself does not
# say so, since kube-proxy refuses for a service without pods, and the kernel has taken note of the connection before.
only_loopback_1() {
    if [ -z "$only_loopback_1" ]; then
        other=${pair% *} only_loopback_1=yes
        [ "$other" != "$port" ] || other=${pair#* }
        if [ -n "$other" ] && (probe_host=127.0.0.2 connections=1 probe_left=1 && exchange "$other" 1 '') >/dev/null; then
            only_loopback_1=no
        fi
    fi
    [ "$only_loopback_1" = yes ]
}
