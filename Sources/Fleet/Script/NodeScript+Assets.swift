extension NodeScript {
    /// Static assets: fetched, checked, unpacked, and `current` that follows the colour.
    static let assets = #"""
        # ---- static assets: releases/VERSION in a directory, and `current`, which points at one of them ----

        # What `current` points at, and what each colour's port wants there. Written as releases/VERSION, as other
        # text where somebody else made the link, and as `none` where there was none.
        assets_facts() {
            [ -n "$assets" ] || return 0
            found=none
            for known in $ports; do
                wanted_for "$known"
                [ -n "$wanted" ] || continue
                fact assets_of "$known $wanted"
                ! points_at "$wanted" || found=$wanted
            done
            if [ "$found" = none ] && [ -L "$assets/current" ]; then found=$(readlink "$assets/current"); fi
            fact assets "$found"
        }

        # Whether `current` points at $1; without asking another program.
        points_at() {
            if [ "$1" = none ]; then
                [ ! -L "$assets/current" ] && [ ! -e "$assets/current" ]
                return
            fi
            case $1 in /*) aim=$1 ;; *) aim=$assets/$1 ;; esac
            [ -L "$assets/current" ] && [ "$assets/current" -ef "$aim" ]
        }

        wanted_for() {
            wanted=
            { IFS= read -r wanted <"$state/$app.assets.$1"; } 2>/dev/null
        }

        artifact_failed() {
            free=$(df -Pk "$assets" 2>/dev/null | sed -n '2s/^[^ ]* *[0-9]* *[0-9]* *\([0-9]*\).*/\1/p')
            drop_half
            fact artifact failed
            facts said "${1:-for no known reason}"
            ! number "$free" || [ "$free" -ge 1024 ] || fact said "the disk of $assets had $free KiB left"
            finish
        }

        drop_half() { rm -rf "$half" "$half.tgz" "$half.tar" "$half.sum" "$half.list" 2>/dev/null; }

        # What the archive must not hold, by its two listings, of names and of what they are: names that lead out of the
        # directory, anything but files, directories and links, links that lead out, and names that lead through a link.
        archive_check='
            function bad(why) { print name ": " why; found = 1; exit }
            function leads_out(path, depth,   parts, count, i) {
                if (path ~ /^\//) return 1
                count = split(path, parts, "/")
                for (i = 1; i <= count; i++) {
                    if (parts[i] == "" || parts[i] == ".") continue
                    if (parts[i] == "..") { if (--depth < 0) return 1 } else depth++
                }
                return 0
            }
            function depth_of(path,   parts, count, i, depth) {
                count = split(path, parts, "/")
                for (i = 1; i < count; i++) if (parts[i] != "" && parts[i] != ".") depth++
                return depth + 0
            }
            function plain(path) {
                sub(/^(\.\/+)+/, "", path)
                gsub(/\/+/, "/", path)
                sub(/\/$/, "", path)
                return path
            }
            NR == FNR { names[++total] = $0; next }
            {
                row++
                name = names[row]
                type = substr($0, 1, 1)
                if (name ~ /^\//) bad("an absolute name")
                if (name ~ /(^|\/)\.\.(\/|$)/) bad("a name with ..")
                if (type !~ /[-dlh]/) bad("neither a file nor a directory nor a link")
                at = index($0, " " name)
                if (!at) bad("a name that cannot be read")
                rest = substr($0, at + 1 + length(name))
                aim = ""
                if (rest ~ /^ -> /) aim = substr(rest, 5)
                else if (rest ~ /^ link to /) aim = substr(rest, 10)
                else if (rest != "") bad("a name that cannot be read")
                if (type == "l") {
                    if (leads_out(aim, depth_of(name))) bad("a link to " aim ", which is outside")
                    links[plain(name)] = 1
                } else if (aim ~ /^\// || aim ~ /(^|\/)\.\.(\/|$)/) bad("a link to " aim ", which is outside")
                if (aim != "" && type != "l") through[++hard] = aim
            }
            END {
                if (found) exit
                if (row != total) { print "names with line breaks"; exit }
                for (i = 1; i <= total + hard; i++) {
                    name = i <= total ? names[i] : through[i - total]
                    path = plain(name)
                    while ((slash = match(path, /\/[^\/]*$/))) {
                        path = substr(path, 1, slash - 1)
                        if (path in links) bad("leads through the link " path)
                    }
                }
            }'

        # The artifact of this version, complete, checked and unpacked in releases/VERSION; `current` stays as it is.
        stage_assets() {
            case $version in '' | [!A-Za-z0-9_]* | *[!A-Za-z0-9_.-]*) fact misused "version=$version"; exit 64 ;; esac
            releases=$assets/releases
            half=$releases/.$version.$token
            problem=$(mkdir -p "$releases" 2>&1) || { fact unwritable "$problem"; finish; }
            [ -w "$releases" ] && [ -w "$assets" ] || { fact unwritable "$releases"; finish; }
            if [ -e "$assets/current" ] && [ ! -L "$assets/current" ]; then
                artifact_failed "$assets/current is no symbolic link: move it to releases/ and let current point at it"
            fi
            # The colour that serves now: what is there belongs to it, if it has nothing of its own yet.
            for known in $ports; do
                [ "$known" != "$port" ] || continue
                wanted_for "$known"
                [ -z "$wanted" ] || continue
                wanted=none
                [ ! -L "$assets/current" ] || wanted=$(readlink "$assets/current")
                keep_text "$state/$app.assets.$known" "$wanted" || { fact unwritable "$problem"; finish; }
            done
            trap 'drop_half; exit 1' HUP INT TERM
            sweep
            if [ "$artifact" = part ]; then
                [ -f "$half.part" ] || artifact_failed 'the file did not arrive'
            fi
            if [ -n "$sumurl" ]; then
                fetch "${sumurl%"$newline"}" "$half.sum" || artifact_failed "its checksum cannot be fetched: $words"
                { read -r sha256 sum_rest <"$half.sum"; } 2>/dev/null
                case $sha256 in *[!0-9A-Fa-f]*) sha256= ;; esac
                [ "${#sha256}" = 64 ] || artifact_failed 'what is at its checksum is no sha256'
            fi
            fresh=yes
            if [ -d "$releases/$version" ]; then
                made_from=
                { read -r made_from <"$state/$app.release.$version"; } 2>/dev/null
                case $sha256 in
                '' | "$made_from") fresh= ;;
                *)
                    ! in_use "$version" "$port" ||
                        artifact_failed "releases/$version is in use, made from another file (${made_from:-not known})"
                    rm -rf "${releases:?}/$version" || artifact_failed "releases/$version cannot be replaced"
                    ;;
                esac
            fi
            [ -z "$fresh" ] || unpack
            keep_text "$state/$app.assets.$port" "releases/$version" || artifact_failed "$problem"
            drop_half
            rm -f "$half.part"
            trap - HUP INT TERM
            fact artifact "${fresh:+fetched}"
            prune
        }

        # What earlier conversations left when they were cut off.
        sweep() {
            set +f
            for left in "$releases"/.[A-Za-z0-9_]*.[0-9]*; do
                case $left in "$half.part") continue ;; esac
                [ ! -e "$left" ] || rm -rf "$left"
            done
            set -f
        }

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
                fetch "${url%"$newline"}" "$half.tgz" "$size" || artifact_failed "cannot be fetched: $words"
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
                words=$("$unpacker" -dc <"$half.tgz" 2>&1 >"$half.tar") ||
                    artifact_failed "cannot be unpacked: ${words#"$newline"}"
            else
                words=$(mv -f "$half.tgz" "$half.tar" 2>&1) || artifact_failed "$words"
            fi
            [ "$(tail -c 512 "$half.tar" | tr -d '\000' | wc -c)" -eq 0 ] ||
                artifact_failed 'is no archive, or was cut off'
            words=$({
                tar -tf "$half.tar" >"$half.list" && tar -tvf "$half.tar" >"$half.sum" && mkdir "$half"
            } 2>&1) || artifact_failed "is no whole archive: $words"
            case $words in
            *[Rr]emoving\ leading*) artifact_failed "holds names that lead out: ${words%%"$newline"*}" ;;
            esac
            [ -s "$half.list" ] || artifact_failed 'is an empty archive'
            words=$(awk "$archive_check" "$half.list" "$half.sum" 2>&1)
            [ -z "$words" ] || artifact_failed "holds $words"
            words=$(tar -xof "$half.tar" -C "$half" 2>&1) || artifact_failed "cannot be unpacked: $words"
            # Links of links may lead where no link by itself does.
            root=$(readlink -f "$half")
            words=$(find "$half" -type l -exec sh -c '
                root=$1
                shift
                for link; do
                    case $(readlink -f "$link")/ in
                    "$root"/*) ;;
                    *) printf "%s: a link that leads outside\n" "${link#"$root"/}" ;;
                    esac
                done' sh "$root" {} + 2>&1)
            [ -z "$words" ] || artifact_failed "holds $words"
            words=$({ chmod -R ug-s "$half" && chmod 755 "$half" && touch "$half"; } 2>&1) || artifact_failed "$words"
            sync -f "$half" 2>/dev/null || sync
            if ! in_time; then
                drop_half
                fact expired "$expired"
                finish
            fi
            words=$(mv "$half" "$releases/$version" 2>&1) || artifact_failed "$words"
            keep_text "$state/$app.release.$version" "$sha256"
        }

        # Whether `current` or a colour needs releases/$1; the colour of the port $2 does not count.
        in_use() {
            for known in $ports; do
                [ "$known" != "$2" ] || continue
                wanted_for "$known"
                [ "$wanted" != "releases/$1" ] || return 0
            done
            [ "$assets/current" -ef "$releases/$1" ]
        }

        # The newest stay, and those in use.
        prune() {
            ls -1t "$releases" | {
                count=0
                while IFS= read -r name; do
                    case $name in '' | [!A-Za-z0-9_]* | *[!A-Za-z0-9_.-]*) continue ;; esac
                    [ -d "$releases/$name" ] && [ ! -L "$releases/$name" ] || continue
                    count=$((count + 1))
                    [ "$count" -gt "$keep" ] && ! in_use "$name" || continue
                    rm -rf "${releases:?}/$name" && rm -f "$state/$app.release.$name" && fact pruned "$name"
                done
            }
        }

        # A piece of a file that comes with the conversations themselves.
        act_receive() {
            state_directory
            lock "$app.stage"
            fence
            still_wanted
            case $version in '' | [!A-Za-z0-9_]* | *[!A-Za-z0-9_.-]*) fact misused "version=$version"; exit 64 ;; esac
            part=$assets/releases/.$version.$token.part
            problem=$(mkdir -p "$assets/releases" 2>&1) || { fact unwritable "$problem"; finish; }
            [ "$offset" -gt 0 ] || rm -f "$part"
            found=$(wc -c 2>/dev/null <"$part")
            [ $((${found:-0})) -eq "$offset" ] || { fact received $((${found:-0})); finish; }
            words=$(sed -n -e '/^=end$/q' -e p | base64 -d 2>&1 >>"$part")
            found=$(wc -c 2>/dev/null <"$part")
            if [ $((${found:-0})) -ne $((offset + size)) ]; then
                rm -f "$part"
                artifact_words=${words:-the file was cut off on its way}
                fact artifact failed
                facts said "$artifact_words"
                finish
            fi
            fact received $((found))
        }

        # Lets `current` point where the port $1 wants it. The link is replaced in one step.
        flip_assets() {
            flipped=
            [ -n "$assets" ] || return 0
            wanted_for "$1"
            [ -n "$wanted" ] || return 0
            point_current "$wanted"
        }

        point_current() {
            ! points_at "$1" || return 0
            if [ -e "$assets/current" ] && [ ! -L "$assets/current" ]; then
                problem="$assets/current is no symbolic link"
                return 1
            fi
            if [ "$1" = none ]; then
                problem=$(rm -f "$assets/current" 2>&1) && flipped=yes
                return
            fi
            [ -d "$aim" ] || { problem="$aim, which belongs to this colour, is not there"; return 1; }
            problem=$({
                rm -f "$assets/.current.viridian" && ln -s "$1" "$assets/.current.viridian" &&
                    mv -fT "$assets/.current.viridian" "$assets/current"
            } 2>&1) || return 1
            flipped=yes
        }
        """#
}
