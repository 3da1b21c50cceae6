#!/usr/bin/env bash
# A root file system as an OCI archive, which docker, podman, skopeo and containerd read.
#
#   packaging/archive.bash ROOTFS OUTPUT VERSION COMMIT     writes OUTPUT/viridian-VERSION-linux-MACHINE.oci.tar and prints its path.
set -euo pipefail

rootfs=$1 output=$2 version=$3 commit=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A storage of its own, and no program of this machine is told of the image.
image() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }

container=$(image from scratch)
# Everything belongs to root, but what the image's user writes. As an archive, because a directory that is copied onto one that is there
# leaves it with its owner.
archive=$work/rootfs.tar
tar --create --file "$archive" --directory "$rootfs" --sort=name --owner=0 --group=0 --numeric-owner --exclude=./var/lib/viridian .
tar --append --file "$archive" --directory "$rootfs" --owner=65532 --group=65532 --numeric-owner ./var/lib/viridian
image add --quiet "$container" "$archive" / >/dev/null
image config \
    --entrypoint '["/usr/bin/viridian"]' --cmd serve --user 65532:65532 --workingdir /var/lib/viridian --volume /var/lib/viridian \
    --port 8080 --env PATH=/usr/bin --env HOME=/var/lib/viridian --stop-signal TERM \
    --label org.opencontainers.image.title=viridian \
    --label org.opencontainers.image.description='Blue/green releases on Kubernetes, behind nginx on every node' \
    --label org.opencontainers.image.version="$version" --label org.opencontainers.image.revision="$commit" \
    --label org.opencontainers.image.created="$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)" \
    --label org.opencontainers.image.licenses=Apache-2.0 \
    --created-by 'script/package' "$container"
uncompressed=false
[ "${PACKAGE_COMPRESSION-}" != fast ] || uncompressed=true
image commit --quiet --format oci --disable-compression="$uncompressed" --identity-label=false --timestamp "$SOURCE_DATE_EPOCH" "$container" "oci:$work/oci:viridian:$version" >/dev/null

file=$output/viridian-$version-linux-$(uname -m).oci.tar
tar --create --file "$file" --directory "$work/oci" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    --format=gnu .
echo "$file"
