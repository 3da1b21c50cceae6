# shellcheck shell=sh
# drain: what connections there still are to a port.

act_drain() {
    find_master
    nginx_facts
    read_sockets
    fact connections "$(open_connections)"
    arrivals
}

# Who has made connections to port $port since the last request of this kind: arriving=COUNT, and from=ADDRESS COUNT
# for the first of them. Every connection is known by the address and port it comes from: to the kernel's connection
# tracking for two minutes after its end, whoever made it (nf_conntrack_proto_tcp.c), else to /proc/net/tcp, which
# knows those of this machine. The first time tells nothing, nor does one after a long while. These tables may be
# long, so they are not read at every request.
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
        # Not every kernel has the file.
        elif command -v conntrack >/dev/null; then
            conntrack -L -p tcp --orig-port-dst "$port"
        fi
    } 2>/dev/null |
        awk -v port="$port" -v hex="$hex" -v now="$now" -v boot="$boot" "$arrivals_awk" "$seen_before" - 2>/dev/null
}
