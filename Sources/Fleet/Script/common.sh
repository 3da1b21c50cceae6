# shellcheck shell=sh
# The node script: what every other part uses. README.md in this folder tells how the parts become one program.
#
# It answers with facts, one KEY=VALUE a line; the last one is done=ACTION. Everything is a function and `main` or
# `serve` is the last line, so a script that was cut off on its way never starts. Text that others wrote (nginx, a
# command) is only ever printed behind a key, so it cannot be mistaken for a fact.
#
# Written for dash, busybox ash and bash. Starting a program is what costs most here, so the shell does what it can
# itself.
#
# For other parts: fact, facts, relay, finish; clock, pause, next_pause; is_number; in_time, stop_if_late; run_command; free_space;
# $newline, $tab

set -f
umask 022
unset CDPATH ENV
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
newline='
'
tab=${IFS#?} tab=${tab%?}
installed=

# One fact; line breaks in its value become spaces.
fact() {
    value=$2
    while :; do
        case $value in
        *"$newline"*) value="${value%%"$newline"*} ${value#*"$newline"}" ;;
        *) break ;;
        esac
    done
    printf '%s=%s\n' "$1" "$value"
}

# Each line of the text $2 as a fact.
facts() {
    rest=$2
    while [ -n "$rest" ]; do
        printf '%s=%s\n' "$1" "${rest%%"$newline"*}"
        case $rest in *"$newline"*) rest=${rest#*"$newline"} ;; *) rest= ;; esac
    done
}

# Each line of standard input as a fact, as it comes.
relay() {
    while IFS= read -r line || [ -n "$line" ]; do printf '%s=%s\n' "$1" "$line"; done
}

finish() {
    fact 'done' "$action"
    exit 0
}

# Hundredths of a second since boot, in $now: the clock of all deadlines here, and of the start times in
# /proc/PID/stat.
clock() {
    read -r now _ </proc/uptime
    now=${now%.*}${now#*.}
}

# Not every sleep takes fractions.
pause() { sleep "${1:-0.015}" 2>/dev/null || sleep 1; }

# Sleeps for the first of $pauses and drops it; the last one stays.
next_pause() {
    pause "${pauses%% *}"
    pauses=${pauses#* }
}

# At most 16 digits, so that sums and multiples by a hundred stay within what shells can compare.
is_number() { case $1 in '' | *[!0-9]* | ?????????????????*) return 1 ;; esac; }

# Whether the request may still be carried out: until=HUNDREDTHS@BOOT, by this machine's own clock. After that time
# the sender has stopped waiting, and may have asked another node for something that does not go with it.
in_time() {
    [ -n "$until" ] || return 0
    [ "${until#*@}" = "$boot" ] || { expired=reboot; return 1; }
    clock
    [ "$now" -le "${until%%@*}" ] || { expired=late; return 1; }
}

# Ends the request when its time is over.
stop_if_late() {
    in_time && return
    fact expired "$expired"
    finish
}

# Runs one of the operator's commands: its output in $output, its status in $status. It does not inherit the lock.
run_command() {
    output=$(trap - PIPE && exec sh -c "$1" </dev/null 2>&1 9>&-)
    status=$?
}

# How many KiB the disk of $1 has left, in $free; empty where df does not say.
free_space() {
    free=$(df -Pk "$1" 2>/dev/null | sed -n '2s/^[^ ]* *[0-9]* *[0-9]* *\([0-9]*\).*/\1/p')
}
