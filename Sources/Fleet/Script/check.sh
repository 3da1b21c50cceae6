# shellcheck shell=sh
# check: reports everything that a release will need on this node. Changes nothing (it creates a directory and removes it
# again, to find out whether it can).
#
# For other parts: node_check_facts, configuration_check_facts, assets_check_facts, open_ports, port_fact

act_check() {
    file_facts
    refuse_zero_byte
    read_token
    fact token "$seen"
    find_master
    nginx_facts
    loaded_facts
    assets_facts
    test_inclusion
    node_check_facts
    configuration_check_facts
    assets_check_facts
    open_ports "$ports"
    for port in $ports; do port_fact "$port"; done
}

# What is the same for every app. nginx's configuration was tested before.
node_check_facts() {
    binary=$(readlink "/proc/$master/exe" 2>/dev/null)
    fact nginx "$("${binary:-nginx}" -v 2>&1)"
    if [ "$tested" = 0 ]; then fact test ok; else fact test failed; fi
    facts said "$test_output"
    place_facts "$backends"
    for program in awk base64 cp df flock grep head mkdir mv od readlink sed sleep stat sync tail timeout tr wc; do
        command -v "$program" >/dev/null || fact lacks "$program"
    done
    command -v bash >/dev/null || command -v nc >/dev/null || fact lacks 'bash or nc'
    fact user "$(id -un 2>/dev/null || id -u)"
    # Where the kernel balances services itself (kube-proxy's IPVS mode), a NodePort has no address 127.0.0.1;
    # in iptables mode it has one where packets to it may be routed.
    [ ! -e /sys/class/net/kube-ipvs0 ] || fact ipvs yes
    localnet=
    { read -r localnet </proc/sys/net/ipv4/conf/all/route_localnet; } 2>/dev/null
    fact localnet "$localnet"
    fact time "$(date +%s.%N)"
}

# What nginx's configuration has of the app.
configuration_check_facts() {
    # Where there is no file yet, it is enough that its directory is included.
    if [ "$present" = no ] && [ "$included" = no ] && [ -n "$included_there" ]; then included=yes; fi
    fact included "$included"
    facts mention "$mentions"
    facts way "$(printf %s "$ways" | sed 's/^viridian-way=//')"
}

# What an app with static assets needs besides.
assets_check_facts() {
    [ -n "$assets" ] || return 0
    place_facts "$assets"
    for program in chmod find gzip ln ls sha256sum tar; do
        command -v "$program" >/dev/null || fact lacks "$program"
    done
    if ! command -v curl >/dev/null; then
        case $(wget --version 2>/dev/null) in 'GNU Wget'*) ;; *) fact lacks 'curl or GNU wget' ;; esac
    fi
}

# The disk of the directory $1, or of the one in which it would be.
place_facts() {
    place=$1
    while [ ! -e "$place" ]; do
        place=${place%/*}
        place=${place:-/}
    done
    free_space "$place"
    fact disk "$free $place"
    inodes=$(df -Pi "$place" 2>/dev/null | sed -n '2s/^[^ ]* *\([0-9]*\) *[0-9]* *\([0-9]*\).*/\1 \2/p')
    # A file system without a fixed number of them says 0.
    case $inodes in '' | '0 '*) ;; *) fact inodes "${inodes#* } $place" ;; esac
    writable=no
    { mkdir -p "$place/.viridian.try" && echo try >"$place/.viridian.try/try" && writable=yes; } 2>/dev/null
    rm -rf "$place/.viridian.try" 2>/dev/null
    fact writable "$writable $place"
}

# Those of the ports $1 that accept a connection, in $open, each in a line. They are asked at the same time, and have two seconds.
open_ports() {
    # The address that nginx connects to.
    probe_host=127.0.0.1
    open=$newline$(
        for port in $1; do
            # exchange_by_nc has a file for each app.
            (app=$app.$port exchange "$port" 2 '') >/dev/null && echo "$port" &
        done
        wait
    )$newline
}

# Whether the port $1 is among them.
port_fact() {
    case $open in *"$newline$1$newline"*) fact open "$1" ;; *) fact closed "$1" ;; esac
}
