extension NodeScript {
    /// Static assets: a directory a version, and `current` that follows the colour.
    static let assets = releases + "\n\n" + unpacking

    private static let releases = #"""
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

        # Where root works, nobody else may be able to put a link in its way: it makes and removes directories there.
        only_ours() {
            [ ! -L "$releases" ] || artifact_failed "$releases is a symbolic link: make it a directory"
            [ -d "$releases" ] || artifact_failed "$releases is no directory"
            me=$(id -u)
            for place in "$assets" "$releases"; do
                case $me:$(stat -L -c '%u %A' "$place") in
                *:"0 d"????-??-? | "$me:$me d"????-??-?) ;;
                0:*) artifact_failed "$place can be written by others than root: chown root:root $place; chmod 755 $place" ;;
                *:*d???????-?) ;;
                *) artifact_failed "$place can be written by everybody: chmod o-w $place" ;;
                esac
            done
        }

        # Where the artifact of this version goes.
        releases_of_version() {
            case $version in '' | [!A-Za-z0-9_]* | *[!A-Za-z0-9_.-]*) fact misused "version=$version"; exit 64 ;; esac
            case $assets in '') fact misused assets=; exit 64 ;; esac
            releases=$assets/releases
        }

        # The artifact of this version, complete, checked and unpacked in releases/VERSION; `current` stays as it is.
        stage_assets() {
            releases_of_version
            half=$releases/.$version.$token
            problem=$(mkdir -p "$releases" 2>&1) || { fact unwritable "$problem"; finish; }
            [ -w "$releases" ] && [ -w "$assets" ] || { fact unwritable "$releases"; finish; }
            only_ours
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
            room_for_archive
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
                name=${left%.part}
                name=${name%.tgz}
                name=${name%.tar}
                name=${name%.sum}
                name=${name%.list}
                number "${name##*.}" && [ "$left" != "$half.part" ] && [ -e "$left" ] || continue
                rm -rf "$left"
            done
            set -f
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

        # The newest of those that were made here stay, and those in use.
        prune() {
            ls -1t "$releases" | {
                count=0
                while IFS= read -r name; do
                    case $name in '' | [!A-Za-z0-9_]* | *[!A-Za-z0-9_.-]*) continue ;; esac
                    [ -f "$state/$app.release.$name" ] || continue
                    [ -d "$releases/$name" ] && [ ! -L "$releases/$name" ] || continue
                    count=$((count + 1))
                    [ "$count" -gt "$keep" ] && ! in_use "$name" || continue
                    rm -rf "${releases:?}/$name" && rm -f "$state/$app.release.$name" && fact pruned "$name"
                done
            }
        }

        # As many bytes as ArtifactPlan.mostBytes.
        most_received=67108864

        # A piece of a file that comes with the conversations themselves.
        act_receive() {
            state_directory
            lock "$app.stage"
            fence
            still_wanted
            releases_of_version
            part=$releases/.$version.$token.part
            problem=$(mkdir -p "$releases" 2>&1) || { fact unwritable "$problem"; finish; }
            only_ours
            [ $((offset + ${size:-0})) -le "$most_received" ] || { fact misused "offset=$offset size=$size"; exit 64; }
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
