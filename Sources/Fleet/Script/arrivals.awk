# Counts the connections to a port that were not there at the last call: arriving=COUNT, and from=ADDRESS COUNT for up to
# five addresses. Reads the file of the last call (PORT BOOT TIME, then the known connections as ADDRESS PORT), which it
# writes anew, and standard input: lines of /proc/net/tcp and of the kernel's connection tracking.
#
# Variables: port, hex (the same in hexadecimal), now (hundredths of a second since boot), boot (the boot's id).

FILENAME == ARGV[1] {
    if (FNR == 1) { comparable = $1 == port && $2 == boot && now - $3 < 6000; next }
    known[$0] = 1
    next
}

# A line of /proc/net/tcp.
$1 ~ /^[0-9]+:$/ {
    split($3, far, ":")
    if (far[2] != hex) next
    split($2, near, ":")
    seen[address(near[1]) " " number(near[2])] = 1
    next
}

# A line of the connection tracking.
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
}

function number(digits,   i, value) {
    for (i = 1; i <= length(digits); i++) value = 16 * value + index("0123456789ABCDEF", substr(digits, i, 1)) - 1
    return value
}

# As the kernel writes addresses: each four bytes in the machine's byte order.
function address(digits,   i, text) {
    if (digits ~ /^0+FFFF0000........$/) digits = substr(digits, 25)
    if (length(digits) != 8) return digits ~ /^0+01000000$/ ? "::1" : "IPv6"
    for (i = 7; i > 0; i -= 2) text = text (text == "" ? "" : ".") number(substr(digits, i, 2))
    return text
}
