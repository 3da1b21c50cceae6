# shellcheck shell=sh
# The kernel's tables of TCP connections (proc(5), /proc/net/tcp), in nginx's own network namespace.
#
# For other parts: unanswered, answered; read_sockets, open_connections

# The tables in $tables: those of the network namespace that nginx runs in.
find_tables() {
    tables=/proc/net
    [ ! -r "/proc/$master/net/tcp" ] || tables=/proc/$master/net
}

# The local ports of the workers' connections to port $1 whose state matches $2. The eighth field is the user.
connections_of_workers() {
    ids "${running%%:*}" || return 0
    find_tables
    sed -n "s/^ *[0-9]*: [0-9A-F]*:\([0-9A-F]\{4\}\) [0-9A-F]*:$(printf %04X "$1") $2 [0-9A-F:]* [0-9A-F:]* [0-9A-F]*  *$uid .*/\1/p" \
        "$tables/tcp" "$tables/tcp6" 2>/dev/null
}

# Connections from nginx's workers to port $1 that get no answer, by their own ports. State 02 is SYN_SENT
# (include/net/tcp_states.h).
unanswered() { connections_of_workers "$1" 02; }

# Whether a worker has a connection to port $1 that was answered, and not closed long ago.
answered() { [ -n "$(connections_of_workers "$1" '0[14589]')" ]; }

# This machine's sockets that are connected to port $port, or were a moment ago, in $sockets. State 01 is ESTABLISHED,
# 06 TIME_WAIT; addresses are in the machine's byte order. A long table costs time to read, so it is read once.
read_sockets() {
    find_tables
    hex=$(printf %04X "$port")
    sockets=$(grep -hE "[0-9A-F]:$hex 0[1-9B] " "$tables/tcp" "$tables/tcp6" 2>/dev/null)
}

# Established ones over the loopback interface, counted at the connecting end only.
open_connections() {
    ipv4='(0{16}(FFFF0000|0000FFFF))?(0100007F|7F000001)' ipv6='0{24}(01000000|00000001)'
    printf '%s\n' "$sockets" | grep -cE "^ *[0-9]+: [0-9A-F]+:[0-9A-F]{4} ($ipv4|$ipv6):$hex 01 "
}
