# shellcheck shell=sh
# The entry: ACTION KEY=VALUE..., checked, and the action called. Ends with status 64 for arguments that no release
# sends.

main() {
    action=$1
    # The version of the facts, as NodeScript.version in Swift.
    fact viridian-node 5
    [ $# -gt 0 ] || exit 64
    boot=unknown
    { read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
    clock
    fact clock "$now@$boot"
    shift
    # Which app, and the operator's settings for nginx.
    app='' backends='' test_command='nginx -t' reload='nginx -s reload' pid=''
    # The release's number, until when the request may be carried out, how many seconds to wait for a lock.
    token=0 until='' lockwait=10
    # The port of the request's colour, and both as `BLUE GREEN`: for requests through nginx (pair), for assets, `check` and the
    # limits of an installed script (ports).
    port='' ports='' pair=''
    # switch: whether the file has to exist (yes, no), the time for the reload in hundredths of a second, and whether to prove
    # the switch by requests through nginx.
    expect='' verify=1000 prove=''
    # The probe: its kind (none, tcp, http, https, fastcgi), what to send as escapes for printf, which answers are accepted, the
    # seconds for all tries and for the first one, and how many connections have to be answered.
    probe=none send='' send_more='' accept=good seconds=10 try=2 connections=1
    # Requests through nginx: the upstream, host names of the app and its preview, the path.
    upstream='' hosts='' preview='' path=/
    # The operator's command after the pods are up, and what it is told.
    post='' post_seconds=300 version='' color='' release=''
    # Static assets: their directory, where the artifact comes from (url, part), how many releases to keep; for `receive` where
    # in the file this piece begins.
    assets='' artifact='' artifact_seconds=300 size='' sha256='' keep=5 offset=0
    # drain: hundredths of a second between two readings of the kernel's tables.
    apart=150
    # Whether nginx has accepted its configuration in an earlier request of this release.
    accepted=''
    # Set by one part and read by another.
    master='' running='' draining='' present_workers='' tested='' included='' as_nginx=''
    ended='' written='' restored='' text='' long='' assets_switched='' present='' partial='' times_read=''
    for argument; do
        case $argument in
        app=*) app=${argument#*=} ;;
        backends=*) backends=${argument#*=} ;;
        test=*) test_command=${argument#*=} ;;
        reload=*) reload=${argument#*=} ;;
        pid=*) pid=${argument#*=} ;;
        token=*) token=${argument#*=} ;;
        until=*) until=${argument#*=} ;;
        expect=*) expect=${argument#*=} ;;
        verify=*) verify=${argument#*=} ;;
        lockwait=*) lockwait=${argument#*=} ;;
        port=*) port=${argument#*=} ;;
        ports=*) ports=${argument#*=} ;;
        probe=*) probe=${argument#*=} ;;
        send=*) send=${argument#*=} ;;
        send_more=*) send_more=${argument#*=} ;;
        accept=*) accept=${argument#*=} ;;
        seconds=*) seconds=${argument#*=} ;;
        try=*) try=${argument#*=} ;;
        connections=*) connections=${argument#*=} ;;
        accepted=*) accepted=${argument#*=} ;;
        upstream=*) upstream=${argument#*=} ;;
        hosts=*) hosts=${argument#*=} ;;
        preview=*) preview=${argument#*=} ;;
        path=*) path=${argument#*=} ;;
        pair=*) pair=${argument#*=} ;;
        prove=*) prove=${argument#*=} ;;
        apart=*) apart=${argument#*=} ;;
        post=*) post=${argument#*=} ;;
        post_seconds=*) post_seconds=${argument#*=} ;;
        version=*) version=${argument#*=} ;;
        color=*) color=${argument#*=} ;;
        release=*) release=${argument#*=} ;;
        assets=*) assets=${argument#*=} ;;
        artifact=*) artifact=${argument#*=} ;;
        artifact_seconds=*) artifact_seconds=${argument#*=} ;;
        size=*) size=${argument#*=} ;;
        sha256=*) sha256=${argument#*=} ;;
        keep=*) keep=${argument#*=} ;;
        offset=*) offset=${argument#*=} ;;
        *) fact misused "$argument"; exit 64 ;;
        esac
    done
    # `readall` and `checkall` are about no single app. A script that does not know them ends here, which tells the sender so.
    case $action:$app in
    readall: | checkall:) ;;
    *:'' | *:.* | *:*[!A-Za-z0-9._-]*) fact misused "app=$app"; exit 64 ;;
    esac
    case $backends in /*) ;; *) fact misused "backends=$backends"; exit 64 ;; esac
    case $assets in '' | /?*) ;; *) fact misused "assets=$assets"; exit 64 ;; esac
    for argument in "$token" "$verify" "$lockwait" "${port:-0}" "$seconds" "$try" "$connections" "$post_seconds" \
        "$artifact_seconds" "${size:-0}" "$keep" "$offset" "$apart"; do
        is_number "$argument" || { fact misused "$argument"; exit 64; }
    done
    case $until in '' | [0-9]*@?*) is_number "${until%%@*}" || [ -z "$until" ] ;; *) false ;; esac ||
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
    [ -z "$installed" ] || check_request
    case $action in
    read | readall | stage | switch | drain | check | checkall | receive | inspect) "act_$action" ;;
    *) fact misused "$action"; exit 64 ;;
    esac
    finish
}
