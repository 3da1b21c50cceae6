#!/usr/bin/env bash
# The tree as an archive for any Linux.
#
#   packaging/tarball.bash STAGE OUTPUT VERSION    writes OUTPUT/viridian-VERSION-linux-MACHINE.tar.gz and prints its path
set -euo pipefail

stage=$1 output=$2 version=$3
here=$(cd "$(dirname "$0")" && pwd)
machine=$(uname -m)
name=viridian-$version-linux-$machine
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

umask 022
cp -a "$stage" "$work/$name"
cp "$here/../LICENSE" "$work/$name/"

# What it needs of a system, as the dynamic loader reads it.
libraries=$(objdump -p "$stage/bin/viridian" | sed -n 's/^ *NEEDED *//p' | grep -vE '^(ld-linux|libc|libm|libdl|libpthread)[-.]' | sort)
glibc=$(objdump -T "$stage/bin/viridian" | grep -o 'GLIBC_[0-9][0-9.]*' | sed 's/GLIBC_//' | sort -uV | tail -n 1)
sed -e "s|@MACHINE@|$machine|" -e "s|@GLIBC@|$glibc|" -e "s|@LIBRARIES@|$(echo "$libraries" | paste -sd, | sed 's/,/, /g')|" \
    "$here/tarball/INSTALL.md" >"$work/$name/INSTALL.md"

file=$output/$name.tar.gz
level=-9
[ "${PACKAGE_COMPRESSION-}" != fast ] || level=-1
tar --create --directory "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu "$name" |
    gzip -n "$level" >"$file"
echo "$file"
