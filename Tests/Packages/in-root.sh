#!/bin/sh
# Runs a command in a Debian that debian-root.sh made, as root or as one of its users. Its /proc and /dev are mounted for this command
# only: nothing is left when it ends.
#
#   Tests/Packages/in-root.sh DIR USER COMMAND…
set -eu

if [ "${IN_ROOT-}" != yes ]; then exec env IN_ROOT=yes unshare --mount "$0" "$@"; fi

dir=$1 user=$2
shift 2
mount -t proc proc "$dir/proc"
mount --rbind /dev "$dir/dev"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    chroot --userspec="$user" "$dir" "$@"
