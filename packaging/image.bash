#!/usr/bin/env bash
# The root file system of the image: what `viridian serve` needs in a container and nothing else, no shell. Libraries, OpenSSH's
# client, certificates and time zones are this machine's.
#
#   packaging/image.bash STAGE ROOTFS
set -euo pipefail

stage=$1 rootfs=$2
here=$(dirname "$0")

need() {
    [ -e "$1" ] || { echo "packaging/image.bash: $1 is missing: install $2" >&2; exit 1; }
}
need /usr/bin/ssh openssh-client
need /etc/ssl/certs/ca-certificates.crt ca-certificates
need /usr/share/zoneinfo/Etc/UTC tzdata

umask 022
libraries=usr/lib/$(uname -m)-linux-gnu
mkdir -p "$rootfs"/{etc/{ssl/certs,ssh,viridian},"$libraries",proc,sys,dev,tmp,usr/bin,usr/lib64,usr/share,var/lib/viridian}
for name in bin lib lib64; do ln -s "usr/$name" "$rootfs/$name"; done
chmod 1777 "$rootfs/tmp"

install -m 0755 "$stage/bin/viridian" /usr/bin/ssh "$rootfs/usr/bin/"

# What the dynamic loader finds for them: "libz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x…)". The loader itself has no arrow, and is
# where the programs say that it is.
ldd "$rootfs/usr/bin/viridian" "$rootfs/usr/bin/ssh" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u | while read -r library; do
    install -m 0644 "$library" "$rootfs/$libraries/$(basename "$library")"
done
loader=$(ldd "$rootfs/usr/bin/viridian" | sed -n 's/^[[:space:]]*\(\/[^ ]*ld-linux[^ ]*\) .*/\1/p')
mkdir -p "$rootfs$(dirname "$loader")"
install -m 0755 "$loader" "$rootfs$loader"

install -m 0644 "$here"/image/{passwd,group,nsswitch.conf} "$rootfs/etc/"
install -m 0644 /etc/ssl/certs/ca-certificates.crt "$rootfs/etc/ssl/certs/"
# Without the copies of everything for other ways to count leap seconds.
cp -r --no-dereference --preserve=links /usr/share/zoneinfo "$rootfs/usr/share/"
rm -rf "$rootfs"/usr/share/zoneinfo/{posix,right,localtime}
# A container runs as this user whatever name it has outside.
[ "$(id -u)" -ne 0 ] || chown 65532:65532 "$rootfs/var/lib/viridian"
chmod 0700 "$rootfs/var/lib/viridian"
