# shellcheck shell=sh
# What the script keeps on the node, in $state: the locks, and the highest release number seen (the fencing token).
#
# For other parts: state_directory, lock, unlock, write_atomically; read_token, remember_token, fence

state_directory() {
    [ -d "$state" ] && return
    problem=$(mkdir -p "$state" 2>&1) && return
    fact unwritable "$problem"
    finish
}

# At most one request changes nginx at a time, whatever the app: a reload reads every app's file.
lock() {
    # Tried first, since most shells exit where `exec` fails. (bash does not invert a failed redirection with `!`.)
    if { true; } 2>/dev/null 9>>"$state/$1"; then
        exec 9>>"$state/$1"
    else
        fact unwritable "$state: permission denied, or a read-only disk"
        finish
    fi
    lock_until=
    until flock -n 9; do
        command -v flock >/dev/null || { fact missing flock; finish; }
        clock
        lock_until=${lock_until:-$((now + lockwait * 100))}
        [ "$now" -lt "$lock_until" ] || { fact busy "$1"; finish; }
        pause
    done 2>/dev/null
}

unlock() { exec 9>&-; }

# Writes the text $2 to the file $1, as a whole or not at all.
write_atomically() {
    problem=$({ printf '%s\n' "$2" >"$1.new" && mv -f "$1.new" "$1"; } 2>&1)
}

# The highest number seen, in $seen. Lines are only ever added to the file, so that a crash cannot lower it.
read_token() {
    seen=0 token_lines=0
    {
        while read -r line; do
            token_lines=$((token_lines + 1))
            is_number "$line" && [ "$line" -gt "$seen" ] && seen=$line
        done <"$state/$app.token"
    } 2>/dev/null
}

# Whoever holds the key of an installed script could send a number that no release ever reaches, and so lock out all
# later releases. So the number may not rise by more than a million at once.
remember_token() {
    [ "$token" -gt "$seen" ] || return 0
    [ -z "$installed" ] || [ $((token - seen)) -le 1000000 ] ||
        forbid "the number $token is too far above $seen, the last one that was here ($state/$app.token)"
    if [ "$token_lines" -ge 100 ]; then
        write_atomically "$state/$app.token" "$token" && return
    else
        { printf '%s\n' "$token" >>"$state/$app.token"; } 2>/dev/null && return
    fi
    fact unwritable "$state/$app.token"
    finish
}

# Refuses a request that is older than one that was here already.
fence() {
    read_token
    fact token "$seen"
    [ "$token" -ge "$seen" ] || { fact fenced "$seen"; finish; }
}
