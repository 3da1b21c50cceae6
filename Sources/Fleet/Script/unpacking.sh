# shellcheck shell=sh
# An archive of static assets: fetched, checked, unpacked. Nothing in it may lead out of the directory it is unpacked
# to.
#
# For other parts: unpack, fetch, room_for_archive

most_unpacked=8589934592

# How many bytes an archive may have when it is unpacked, in $room: no more than half of what the disk can take, since
# archive and content are there at the same time, with some space left; and never more than $most_unpacked.
room_for_archive() {
    room=$most_unpacked
    free_space "$releases"
    ! is_number "$free" || [ $((free * 1024 * 45 / 100)) -ge "$room" ] || room=$((free * 1024 * 45 / 100))
}

too_large() {
    artifact_failed "is larger, once it is unpacked, than the $((room / 1024)) KiB that there is room for"
}

# Fetches the URL $1 into the file $2, of at most $3 bytes; errors in $output. A URL may be a secret and process
# arguments are public, so it goes by standard input, which not every wget can take.
fetch() {
    if command -v curl >/dev/null; then
        secure='=https'
        case $1 in http://*) secure='=http,https' ;; esac
        # A URL is signed as it stands, and curl makes a/b of a/./b. Its option not to is from 2015, so it is used only
        # where it is needed.
        as_is=
        case $1 in */.*) as_is=yes ;; esac
        output=$(
            # In units of 512 bytes; in some shells of 1024.
            ulimit -f $((room / 512 + 1)) 2>/dev/null
            printf 'url = "%s"\n' "$1" |
                curl -q -K - -fsSL --globoff ${as_is:+--path-as-is} --proto "$secure" --proto-redir "$secure" \
                    --max-redirs 5 --retry 2 --connect-timeout 10 \
                    --max-time "$artifact_seconds" ${3:+--max-filesize "$3"} -o "$2" 2>&1
        ) && return
    else
        case $(wget --version 2>/dev/null) in
        'GNU Wget'*) ;;
        *) fact missing 'curl or GNU wget'; remove_partial; finish ;;
        esac
        case $1 in
        */./*\?* | */../*\?*) output='wget shortens its path, which may be signed: curl is needed'; return 1 ;;
        esac
        output=$(
            ulimit -f $((room / 512 + 1)) 2>/dev/null
            printf '%s\n' "$1" | wget -q -i - -O "$2" --tries=3 --timeout=10 --max-redirect=5 2>&1
        ) && return
        output="wget ended with status $? (4: network, 5: TLS, 8: the server refused)${output:+: $output}"
    fi
    case $output in *"$1"*) output="${output%%"$1"*}(its URL)${output#*"$1"}" ;; esac
    return 1
}

# The archive, checked and unpacked, in releases/VERSION.
unpack() {
    if [ "$artifact" = part ]; then
        mv -f "$partial.part" "$partial.tgz" || artifact_failed 'the file cannot be renamed'
    else
        fetch "${url%"$newline"}" "$partial.tgz" "$size" || {
            found=$(wc -c 2>/dev/null <"$partial.tgz")
            [ $((${found:-0})) -lt "$room" ] || too_large
            artifact_failed "cannot be fetched: $output"
        }
    fi
    if [ -n "$size" ]; then
        found=$(wc -c <"$partial.tgz")
        [ $((found)) -eq "$size" ] || artifact_failed "has $((found)) bytes, not $size"
    fi
    if [ -n "$sha256" ]; then
        found=$(sha256sum <"$partial.tgz") || { fact missing sha256sum; remove_partial; finish; }
        case ${found%% *} in "$sha256") ;; *) artifact_failed "has sha256 ${found%% *}, not $sha256" ;; esac
    fi
    # Not every tar recognises the format by itself.
    case $(od -An -tx1 -N4 "$partial.tgz" | tr -d ' \n') in
    1f8b*) unpacker=gzip ;;
    425a68*) unpacker=bzip2 ;;
    fd377a58) unpacker=xz ;;
    28b52ffd) unpacker=zstd ;;
    *) unpacker= ;;
    esac
    if [ -n "$unpacker" ]; then
        command -v "$unpacker" >/dev/null || { fact missing "$unpacker"; remove_partial; finish; }
        status=$(
            {
                {
                    "$unpacker" -dc <"$partial.tgz" 2>"$partial.list"
                    echo "$?" >&3
                } | head -c $((room + 1)) >"$partial.tar"
            } 3>&1 2>/dev/null
        )
        found=$(wc -c <"$partial.tar")
        [ $((found)) -le "$room" ] || too_large
        [ "$status" = 0 ] || {
            output=$(cat "$partial.list" 2>/dev/null)
            artifact_failed "cannot be unpacked: ${output#"$newline"}"
        }
        rm -f "$partial.tgz"
    else
        found=$(wc -c <"$partial.tgz")
        [ $((found)) -le "$room" ] || too_large
        output=$(mv -f "$partial.tgz" "$partial.tar" 2>&1) || artifact_failed "$output"
    fi
    # An archive ends in zeros. No tar complains when one was cut off between two files.
    [ "$(tail -c 512 "$partial.tar" | tr -d '\000' | wc -c)" -eq 0 ] ||
        artifact_failed 'is no archive, or was cut off'
    # Nobody else may enter the directory before its content is checked.
    output=$({
        tar -tf "$partial.tar" >"$partial.list" && tar -tvf "$partial.tar" >"$partial.sum" && mkdir -m 700 "$partial"
    } 2>&1) || artifact_failed "is no whole archive: $output"
    case $output in
    *[Rr]emoving\ leading*) artifact_failed "holds names that lead out: ${output%%"$newline"*}" ;;
    esac
    [ -s "$partial.list" ] || artifact_failed 'is an empty archive'
    # Even the smallest file takes a block of the disk.
    rows=$(wc -l <"$partial.list")
    [ $((found + rows * 4096)) -le $((room * 2)) ] || too_large
    output=$(awk "$archive_awk" "$partial.list" "$partial.sum" 2>&1)
    [ -z "$output" ] || artifact_failed "holds $output"
    output=$(tar -xof "$partial.tar" -C "$partial" 2>&1) || artifact_failed "cannot be unpacked: $output"
    output=$(check_unpacked "$partial" 2>&1)
    [ -z "$output" ] || artifact_failed "holds ${output%%"$newline"*}"
    # nginx reads it as another user, whatever the umask was where the archive was made.
    output=$({ chmod -R ug-s,go+rX "$partial" && chmod 755 "$partial" && touch "$partial"; } 2>&1) ||
        artifact_failed "$output"
    sync -f "$partial" 2>/dev/null || sync
    if ! in_time; then
        remove_partial
        fact expired "$expired"
        finish
    fi
    # Recorded first, since only recorded releases are pruned later.
    write_atomically "$state/$app.release.$version" "$sha256" || artifact_failed "$problem"
    output=$(mv "$partial" "$releases/$version" 2>&1) || artifact_failed "$output"
}

# Names what was unpacked to $1 and must not be there. Nothing here depends on what tar said about it.
check_unpacked() {
    find "$1" ! -type f ! -type d ! -type l -exec \
        sh -c 'for path; do printf "%s: neither a file nor a directory nor a link\n" "${path#"$0"/}"; done' "$1" {} +
    # A file with more names than there are in here has one outside.
    for inode in $(
        find "$1" ! -type d -links +1 -exec stat -c '%i %h' {} + |
            awk '{ seen[$1]++; links[$1] = $2 } END { for (i in seen) if (seen[i] < links[i]) print i }'
    ); do
        path=$(find "$1" -inum "$inode" | sed -n 1p)
        printf '%s: a hard link to a file that is outside\n' "${path#"$1"/}"
    done
    find "$1" -type l -exec sh -c "$links_sh" sh "$1" {} +
}
