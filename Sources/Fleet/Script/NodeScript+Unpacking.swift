extension NodeScript {
    /// An archive fetched, checked and unpacked.
    static let unpacking = #"""
        # ---- an archive of static assets: fetched, checked, unpacked ----

        # Fetches the URL $1 into the file $2; words in $words. The URL may be a secret, and a process's arguments are
        # not: it goes by standard input, which not every wget can take.
        fetch() {
            if command -v curl >/dev/null; then
                secure='=https'
                case $1 in http://*) secure='=http,https' ;; esac
                # A URL is signed as it stands, and curl makes a/b of a/./b. Its option not to is from 2015: only who needs
                # it has to have it.
                as_is=
                case $1 in */.*) as_is=--path-as-is ;; esac
                words=$(
                    # In units of 512 bytes, or in some shells 1024.
                    ulimit -f $((room / 512 + 1)) 2>/dev/null
                    printf 'url = "%s"\n' "$1" |
                        curl -q -K - -fsSL --globoff $as_is --proto "$secure" --proto-redir "$secure" \
                            --max-redirs 5 --retry 2 --connect-timeout 10 \
                            --max-time "$artifact_seconds" ${3:+--max-filesize "$3"} -o "$2" 2>&1
                ) && return
            else
                case $(wget --version 2>/dev/null) in
                'GNU Wget'*) ;;
                *) fact missing 'curl or GNU wget'; drop_half; finish ;;
                esac
                case $1 in
                */./*\?* | */../*\?*) words='wget shortens its path, which may be signed: curl is needed'; return 1 ;;
                esac
                words=$(
                    ulimit -f $((room / 512 + 1)) 2>/dev/null
                    printf '%s\n' "$1" | wget -q -i - -O "$2" --tries=3 --timeout=10 --max-redirect=5 2>&1
                ) && return
                words="wget ended with status $? (4: network, 5: TLS, 8: the server refused)${words:+: $words}"
            fi
            case $words in *"$1"*) words="${words%%"$1"*}(its URL)${words#*"$1"}" ;; esac
            return 1
        }

        unpack() {
            if [ "$artifact" = part ]; then
                mv -f "$half.part" "$half.tgz" || artifact_failed 'the file cannot be renamed'
            else
                fetch "${url%"$newline"}" "$half.tgz" "$size" || {
                    found=$(wc -c 2>/dev/null <"$half.tgz")
                    [ $((${found:-0})) -lt "$room" ] || too_large
                    artifact_failed "cannot be fetched: $words"
                }
            fi
            if [ -n "$size" ]; then
                found=$(wc -c <"$half.tgz")
                [ $((found)) -eq "$size" ] || artifact_failed "has $((found)) bytes, not $size"
            fi
            if [ -n "$sha256" ]; then
                found=$(sha256sum <"$half.tgz") || { fact missing sha256sum; drop_half; finish; }
                case ${found%% *} in "$sha256") ;; *) artifact_failed "has sha256 ${found%% *}, not $sha256" ;; esac
            fi
            # Not every tar finds out by itself, and none says so when the archive was cut between two files: it ends
            # in zeros.
            case $(od -An -tx1 -N4 "$half.tgz" | tr -d ' \n') in
            1f8b*) unpacker=gzip ;;
            425a68*) unpacker=bzip2 ;;
            fd377a58) unpacker=xz ;;
            28b52ffd) unpacker=zstd ;;
            *) unpacker= ;;
            esac
            if [ -n "$unpacker" ]; then
                command -v "$unpacker" >/dev/null || { fact missing "$unpacker"; drop_half; finish; }
                status=$(
                    {
                        {
                            "$unpacker" -dc <"$half.tgz" 2>"$half.list"
                            echo "$?" >&3
                        } | head -c $((room + 1)) >"$half.tar"
                    } 3>&1 2>/dev/null
                )
                found=$(wc -c <"$half.tar")
                [ $((found)) -le "$room" ] || too_large
                [ "$status" = 0 ] || {
                    words=$(cat "$half.list" 2>/dev/null)
                    artifact_failed "cannot be unpacked: ${words#"$newline"}"
                }
                rm -f "$half.tgz"
            else
                found=$(wc -c <"$half.tgz")
                [ $((found)) -le "$room" ] || too_large
                words=$(mv -f "$half.tgz" "$half.tar" 2>&1) || artifact_failed "$words"
            fi
            [ "$(tail -c 512 "$half.tar" | tr -d '\000' | wc -c)" -eq 0 ] ||
                artifact_failed 'is no archive, or was cut off'
            # Nobody else gets in before it is known what it is.
            words=$({
                tar -tf "$half.tar" >"$half.list" && tar -tvf "$half.tar" >"$half.sum" && mkdir -m 700 "$half"
            } 2>&1) || artifact_failed "is no whole archive: $words"
            case $words in
            *[Rr]emoving\ leading*) artifact_failed "holds names that lead out: ${words%%"$newline"*}" ;;
            esac
            [ -s "$half.list" ] || artifact_failed 'is an empty archive'
            # The smallest file takes a block of the disk.
            rows=$(wc -l <"$half.list")
            [ $((found + rows * 4096)) -le $((room * 2)) ] || too_large
            words=$(awk "$archive_check" "$half.list" "$half.sum" 2>&1)
            [ -z "$words" ] || artifact_failed "holds $words"
            words=$(tar -xof "$half.tar" -C "$half" 2>&1) || artifact_failed "cannot be unpacked: $words"
            words=$(judge_unpacked "$half" 2>&1)
            [ -z "$words" ] || artifact_failed "holds ${words%%"$newline"*}"
            # nginx reads it as another user, whatever the umask was where the archive was made.
            words=$({ chmod -R ug-s,go+rX "$half" && chmod 755 "$half" && touch "$half"; } 2>&1) || artifact_failed "$words"
            sync -f "$half" 2>/dev/null || sync
            if ! in_time; then
                drop_half
                fact expired "$expired"
                finish
            fi
            # First, for only what is written down is pruned one day.
            keep_text "$state/$app.release.$version" "$sha256" || artifact_failed "$problem"
            words=$(mv "$half" "$releases/$version" 2>&1) || artifact_failed "$words"
        }

        # Whether a tar that unpacks this archive could be led out of the directory, by its two listings: of names, and of
        # what they are. Of the second only the first column counts: owner, group, time and target are free text. GNU tar
        # and busybox's (since 1.28) see to it by themselves; older ones write through a link that they have just made.
        archive_check='
            function bad(why) { print name ": " why; found = 1; exit }
            function plain(path) {
                while (sub(/\/\.\//, "/", path)) {}
                sub(/^(\.\/+)+/, "", path)
                gsub(/\/+/, "/", path)
                sub(/\/\.?$/, "", path)
                return path
            }
            NR == FNR { names[++total] = $0; next }
            {
                name = names[++row]
                if (name ~ /^\//) bad("an absolute name")
                if (name ~ /(^|\/)\.\.(\/|$)/) bad("a name with ..")
                if ($0 ~ /^[bcps]/) bad("neither a file nor a directory nor a link")
                # busybox prints a line break in a name as it is: the rest of the name has a line of its own in both.
                if ($0 !~ /^[A-Za-z-][-rwxsStT]+[.+*@]? / || (length(name) > 9 && index($0, name) == 1)) bad("a line break in a name")
                if ($0 !~ /^d/) ends[plain(name)] = 1
            }
            END {
                if (found) exit
                if (row != total) { print "names with line breaks"; exit }
                for (i = 1; i <= total; i++) {
                    name = names[i]
                    path = plain(name)
                    while ((slash = match(path, /\/[^\/]*$/))) {
                        path = substr(path, 1, slash - 1)
                        if (path in ends) bad("leads through " path ", which is no directory")
                    }
                }
            }'

        # What was unpacked to $1 and must not be there, as words. Nothing here depends on what tar said of it.
        judge_unpacked() {
            find "$1" ! -type f ! -type d ! -type l -exec sh -c '
                root=$1
                shift
                for path; do printf "%s: neither a file nor a directory nor a link\n" "${path#"$root"/}"; done' sh "$1" {} +
            # A file that has more names than there are in here has one outside.
            for inode in $(
                find "$1" ! -type d -links +1 -exec stat -c '%i %h' {} + |
                    awk '{ seen[$1]++; links[$1] = $2 } END { for (i in seen) if (seen[i] < links[i]) print i }'
            ); do
                path=$(find "$1" -inum "$inode" | sed -n 1p)
                printf '%s: a hard link to a file that is outside\n' "${path#"$1"/}"
            done
            # Where each link leads, with those in between followed: links of links may lead where none does by itself. What it
            # names there may be a link too, which is judged by itself.
            find "$1" -type l -exec sh -c '
                root=$1 real=$(cd -P "$1" && pwd -P)
                shift
                for link; do
                    aim=$(readlink "$link") at=${link%/*}
                    case $aim in
                    /*) at=/ ;;
                    . | .. | */ | */. | */..) at=$at/$aim ;;
                    */*) at=$at/${aim%/*} ;;
                    esac
                    case $(cd -P "$at" 2>/dev/null && pwd -P)/ in "$real"/*) continue ;; esac
                    printf "%s: a link to %s, which is outside, or nowhere\n" "${link#"$root"/}" "$aim"
                done' sh "$1" {} +
        }

        # As many bytes as an archive may have, unpacked: no more than the disk can take twice, since archive and content are
        # there at one time, with some room left; and never more than $most_unpacked.
        room_for_archive() {
            room=$most_unpacked
            free=$(df -Pk "$releases" 2>/dev/null | sed -n '2s/^[^ ]* *[0-9]* *[0-9]* *\([0-9]*\).*/\1/p')
            ! number "$free" || [ $((free * 1024 * 45 / 100)) -ge "$room" ] || room=$((free * 1024 * 45 / 100))
        }
        most_unpacked=8589934592

        too_large() {
            artifact_failed "is larger, once it is unpacked, than the $((room / 1024)) KiB that there is room for"
        }
        """#
}
