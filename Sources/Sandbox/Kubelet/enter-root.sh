# shellcheck shell=sh
# Gives a container its own root directory, then becomes its program. It runs in a mount namespace of its own (unshare(1)), so that
# everything that it mounts goes with the container's last process, however that ends. Its output is the container's log.
#
# $1      rootfs: $2 is the image's whole file system, which stays as it is: the container writes into a layer of its own
#         files:  this machine's root directory, with each folder of $2 over it
# $2      a directory of the image
# $3      an empty directory, to mount on
# $4      the working directory in the container
# $5, $6  the pod's address and name, for its /etc/hosts
# Then    unshare's path, its further options, the program and its arguments. The container's PATH finds the program.

# A subshell, because its variables could be exported ones of the container.
(
    set -eu
    umask 022
    kind=$1 image=$2 scratch=$3 directory=$4 address=$5 name=$6
    PATH=/usr/sbin:/usr/bin:/sbin:/bin
    if [ "$(readlink /proc/self/ns/mnt)" = "$(readlink "/proc/$PPID/ns/mnt")" ]; then
        echo "not in a mount namespace of its own: what it mounts would be this machine's" >&2
        exit 126
    fi
    mount -t tmpfs -o mode=0755 tmpfs "$scratch"
    # Relative names from here on: in the options of an overlay, a colon would separate directories.
    cd "$scratch"
    mkdir root
    case $kind in
    rootfs)
        mkdir image changes work
        mount --bind "$image" image
        mount -t overlay -o lowerdir=image,upperdir=changes,workdir=work overlay root
        # What is made here is outside of the container: a link of the image's would lead into this machine's files.
        for each in dev etc proc sys tmp; do
            [ ! -L "root/$each" ] || { echo "the image's /$each is a link, which is not supported" >&2 && exit 126; }
        done
        mkdir -p root/etc root/tmp
        # A working directory behind a link is the image's to have.
        place=root
        (
            IFS=/
            set -f
            # shellcheck disable=SC2086 # its components
            for each in $directory; do
                place=$place/$each
                [ ! -L "$place" ] || exit 0
                [ -d "$place" ] || mkdir "$place"
            done
        )
        for each in dev proc sys; do
            mkdir -p "root/$each"
            mount --rbind "/$each" "root/$each"
        done
        # Without them a program runs as well, unless it looks up names. An ordinary user cannot write into directories of groups that
        # its namespace does not have.
        rm -f root/etc/hosts root/etc/resolv.conf || :
        [ -L root/etc/hosts ] ||
            printf '127.0.0.1\tlocalhost\n::1\tlocalhost\n%s\t%s\n' "$address" "$name" >root/etc/hosts || :
        [ ! -e /etc/resolv.conf ] || [ -L root/etc/resolv.conf ] || cp /etc/resolv.conf root/etc/resolv.conf || :
        ;;
    files)
        for each in /*; do
            name=${each#/}
            if [ "$name" = tmp ] || [ -d "$image/$name" ]; then
                continue
            elif [ -L "$each" ]; then
                cp -P "$each" root
            elif [ -d "$each" ]; then
                mkdir "root/$name"
                mount --rbind "$each" "root/$name"
            fi
        done
        for each in "$image"/*/; do
            [ -d "$each" ] || continue
            name=$(basename "$each")
            mkdir "root/$name"
            mount --rbind "$each" "root/$name"
        done
        mkdir root/tmp
        ;;
    esac
    mount -t tmpfs -o mode=1777 tmpfs root/tmp
)
# Not `|| exit`, with which the shell would ignore `set -e` in the subshell.
case $? in 0) ;; *) exit 126 ;; esac

shift 6
exec "$@"
