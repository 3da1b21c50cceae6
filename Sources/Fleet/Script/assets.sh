# shellcheck shell=sh disable=SC3013 # dash, busybox ash and bash all know -ef
# Static assets: releases/VERSION in the directory $assets, and symbolic links to some of them. `current` follows the colour. While
# both colours serve, and while nodes switch one after the other, pages of one version ask nodes for files of another one: `candidate`
# is what was staged last, `previous` what `current` was before it was switched (the virtual hosts of `viridian render nginx` look
# there too). unpacking.sh fetches and unpacks an archive.
#
# For other parts: stage_assets, switch_assets, point_current, point_previous, assets_facts; releases_of_version, check_owners,
# artifact_failed

# What `current` points at, and what each colour's port needs there. Written as releases/VERSION, as other text where
# somebody else made the link, and as `none` where there was none.
assets_facts() {
    [ -n "$assets" ] || return 0
    found=none
    for known in $ports; do
        read_wanted "$known"
        [ -n "$wanted" ] || continue
        fact assets_of "$known $wanted"
        ! points_at "$wanted" || found=$wanted
    done
    if [ "$found" = none ] && [ -L "$assets/current" ]; then found=$(readlink "$assets/current"); fi
    fact assets "$found"
}

# Whether `current` points at $1; without starting a program. Sets $aim.
points_at() {
    if [ "$1" = none ]; then
        [ ! -L "$assets/current" ] && [ ! -e "$assets/current" ]
        return
    fi
    case $1 in /*) aim=$1 ;; *) aim=$assets/$1 ;; esac
    [ -L "$assets/current" ] && [ "$assets/current" -ef "$aim" ]
}

# What `current` has to be for the port $1, in $wanted.
read_wanted() {
    wanted=
    { IFS= read -r wanted <"$state/$app.assets.$1"; } 2>/dev/null
}

# Where the artifact of this version goes.
releases_of_version() {
    case $version in '' | [!A-Za-z0-9_]* | *[!A-Za-z0-9_.-]*) fact misused "version=$version"; exit 64 ;; esac
    case $assets in '') fact misused 'assets='; exit 64 ;; esac
    releases=$assets/releases
}

# Where root works, nobody else may be able to put a link in its way: it creates and removes directories there.
check_owners() {
    [ ! -L "$releases" ] || artifact_failed "$releases is a symbolic link: make it a directory"
    [ -d "$releases" ] || artifact_failed "$releases is not a directory"
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

# Puts the artifact of this version, complete and checked, into releases/VERSION. `current` stays as it is.
stage_assets() {
    releases_of_version
    partial=$releases/.$version.$token
    problem=$(mkdir -p "$releases" 2>&1) || { fact unwritable "$problem"; finish; }
    { [ -w "$releases" ] && [ -w "$assets" ]; } || { fact unwritable "$releases"; finish; }
    check_owners
    if [ -e "$assets/current" ] && [ ! -L "$assets/current" ]; then
        artifact_failed "$assets/current is no symbolic link: move it to releases/ and make current a link to it"
    fi
    # What `current` points at belongs to the colour that serves now, if none is recorded for that one yet.
    for known in $ports; do
        [ "$known" != "$port" ] || continue
        read_wanted "$known"
        [ -z "$wanted" ] || continue
        wanted=none
        [ ! -L "$assets/current" ] || wanted=$(readlink "$assets/current")
        write_atomically "$state/$app.assets.$known" "$wanted" || { fact unwritable "$problem"; finish; }
    done
    trap 'remove_partial; exit 1' HUP INT TERM
    remove_leftovers
    room_for_archive
    if [ "$artifact" = part ]; then
        [ -f "$partial.part" ] || artifact_failed 'the file did not arrive'
    fi
    if [ -n "$sumurl" ]; then
        fetch "${sumurl%"$newline"}" "$partial.sum" || artifact_failed "its checksum cannot be fetched: $output"
        { read -r sha256 _ <"$partial.sum"; } 2>/dev/null
        case $sha256 in *[!0-9A-Fa-f]*) sha256= ;; esac
        [ "${#sha256}" = 64 ] || artifact_failed 'its checksum is no sha256'
    fi
    fresh=yes
    if [ -d "$releases/$version" ]; then
        made_from=
        { read -r made_from <"$state/$app.release.$version"; } 2>/dev/null
        case $sha256 in
        '' | "$made_from") fresh= ;;
        *)
            ! in_use "$version" "$port" ||
                artifact_failed "releases/$version is in use, made from another file (sha256 ${made_from:-not known})"
            rm -rf "${releases:?}/$version" || artifact_failed "releases/$version cannot be replaced"
            ;;
        esac
    fi
    [ -z "$fresh" ] || unpack
    write_atomically "$state/$app.assets.$port" "releases/$version" || artifact_failed "$problem"
    point candidate "releases/$version" || artifact_failed "$problem"
    remove_partial
    rm -f "$partial.part"
    trap - HUP INT TERM
    fact artifact "${fresh:+fetched}"
    prune
}

artifact_failed() {
    free_space "$assets"
    remove_partial
    fact artifact failed
    facts said "${1:-the reason is not known}"
    ! is_number "$free" || [ "$free" -ge 1024 ] || fact said "the disk of $assets had $free KiB left"
    finish
}

remove_partial() { rm -rf "$partial" "$partial.tgz" "$partial.tar" "$partial.sum" "$partial.list" 2>/dev/null; }

# Removes what earlier requests left when they were cut off.
remove_leftovers() {
    set +f
    for left in "$releases"/.[A-Za-z0-9_]*.[0-9]*; do
        name=${left%.part}
        name=${name%.tgz}
        name=${name%.tar}
        name=${name%.sum}
        name=${name%.list}
        if is_number "${name##*.}" && [ "$left" != "$partial.part" ] && [ -e "$left" ]; then rm -rf "$left"; fi
    done
    set -f
}

# Whether `current` or a colour needs releases/$1; the colour of the port $2 does not count.
in_use() {
    for known in $ports; do
        [ "$known" != "$2" ] || continue
        read_wanted "$known"
        [ "$wanted" != "releases/$1" ] || return 0
    done
    [ "$assets/current" -ef "$releases/$1" ]
}

# Keeps the newest $keep of the releases that were made here, and those in use; removes the others.
prune() {
    # shellcheck disable=SC2012 # find cannot sort by time; names that this script did not make are skipped
    ls -1t "$releases" | {
        count=0
        while IFS= read -r name; do
            case $name in '' | [!A-Za-z0-9_]* | *[!A-Za-z0-9_.-]*) continue ;; esac
            [ -f "$state/$app.release.$name" ] || continue
            { [ -d "$releases/$name" ] && [ ! -L "$releases/$name" ]; } || continue
            count=$((count + 1))
            if [ "$count" -le "$keep" ] || in_use "$name"; then continue; fi
            rm -rf "${releases:?}/$name" && rm -f "$state/$app.release.$name" && fact pruned "$name"
        done
    }
}

# Points `current` at what the port $1 needs. The link is replaced in one step; where it pointed is remembered before, so that files
# of both versions are found at each moment. Sets what a way back needs: $assets_switched, $assets_before, $previous_before.
switch_assets() {
    assets_switched='' assets_before='' previous_before=''
    [ -n "$assets" ] || return 0
    read_wanted "$1"
    [ -n "$wanted" ] || return 0
    [ ! -L "$assets/current" ] || assets_before=$(readlink "$assets/current")
    [ ! -L "$assets/previous" ] || previous_before=$(readlink "$assets/previous")
    assets_before=${assets_before:-none} previous_before=${previous_before:-none}
    [ "$assets_before" = none ] || points_at "$wanted" || point_previous "$assets_before"
    point_current "$wanted" || {
        stuck=$problem
        point_previous "$previous_before"
        problem=$stuck
        return 1
    }
}

# Points `current` at $1; `none` removes it.
point_current() {
    ! points_at "$1" || return 0
    if [ -e "$assets/current" ] && [ ! -L "$assets/current" ]; then
        problem="$assets/current is no symbolic link"
        return 1
    fi
    [ "$1" = none ] || [ -d "$aim" ] || { problem="$aim does not exist, and this colour needs it"; return 1; }
    point current "$1" || return 1
    assets_switched=yes
}

# Points `previous` at $1; `none` removes it. Visitors do not need it as they need `current`: where it cannot be set, the switch goes on.
point_previous() { point previous "$1" || fact said "$assets/previous cannot be set to $1: $problem"; }

# Makes the link $1 point at $2, in one step; `none` removes it. What has its name and is no link is somebody else's, and stays.
point() {
    [ -L "$assets/$1" ] || [ ! -e "$assets/$1" ] || return 0
    problem=$({
        rm -f "$assets/.$1.viridian"
        if [ "$2" = none ]; then
            rm -f "$assets/$1"
        else
            ln -s "$2" "$assets/.$1.viridian" && mv -fT "$assets/.$1.viridian" "$assets/$1"
        fi
    } 2>&1)
}
