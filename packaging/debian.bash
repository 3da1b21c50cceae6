#!/usr/bin/env bash
# The tree as a Debian package.
#
#   packaging/debian.bash STAGE OUTPUT VERSION     writes OUTPUT/viridian_VERSION_ARCHITECTURE.deb and prints its path.
#
# $DEBFULLNAME and $DEBEMAIL are its maintainer, as Debian's own tools understand them.
set -euo pipefail

stage=$1 output=$2 version=$3
here=$(cd "$(dirname "$0")" && pwd)
architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

umask 022
package=$work/package
mkdir -p "$package/DEBIAN" "$package/etc/viridian/apps" "$package/usr"
cp -a "$stage/bin" "$stage/share" "$package/usr/"
cp -a "$stage/lib" "$package/"
mkdir "$package/lib/systemd/system/viridian.service.d"
cp "$here/debian/configured.conf" "$package/lib/systemd/system/viridian.service.d/"

# Where Debian has things.
share=$package/usr/share
mv "$share/zsh/site-functions" "$share/zsh/vendor-completions"
mv "$share/doc/viridian/CHANGELOG.md" "$share/doc/viridian/changelog"
rm "$share/doc/viridian/LICENSE"
# It is read by a shell, not run.
sed -i '1{/^#!/d}' "$share/bash-completion/completions/viridian"
cp "$here/debian/copyright" "$share/doc/viridian/"
mkdir -p "$share/lintian/overrides"
cp "$here/debian/lintian-overrides" "$share/lintian/overrides/viridian"
# A page that stands for another one is a link there.
for page in "$share"/man/man1/kubectl*.1; do ln -sf viridian.1.gz "$page.gz" && rm "$page"; done
find "$share/man" -type f -exec gzip -9n {} +
gzip -9n "$share/doc/viridian/changelog"
# As Debian's own package of this version calls itself; what happened is in the changelog beside it.
{
    printf 'viridian (%s) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- %s  %s\n' "$version" \
        "${DEBFULLNAME:-Viridian maintainers} <${DEBEMAIL:-viridian@localhost.localdomain}>" \
        "$(date -u -R -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$share/doc/viridian/changelog.Debian.gz"

# The libraries that the program needs, and from which version on.
mkdir "$work/debian"
printf 'Source: viridian\n\nPackage: viridian\nArchitecture: any\n' >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O -e"$package/usr/bin/viridian" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')

size=$(du -k -s --apparent-size --exclude=DEBIAN "$package" | cut -f 1)
sed -e "s|@VERSION@|$version|" -e "s|@ARCHITECTURE@|$architecture|" -e "s|@SIZE@|$size|" -e "s|@DEPENDS@|$depends|" \
    -e "s|@MAINTAINER@|${DEBFULLNAME:-Viridian maintainers} <${DEBEMAIL:-viridian@localhost.localdomain}>|" \
    "$here/debian/control" >"$package/DEBIAN/control"
for name in postinst prerm postrm; do install -m 0755 "$here/debian/$name.sh" "$package/DEBIAN/$name"; done
(cd "$package" && find usr lib -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$package/DEBIAN/md5sums"

find "$package" -exec touch --no-dereference -d "@$SOURCE_DATE_EPOCH" {} +
file=$output/viridian_${version}_$architecture.deb
compression=-Zxz
[ "${PACKAGE_COMPRESSION-}" != fast ] || compression='-Zgzip -z1'
# shellcheck disable=SC2086 # options
dpkg-deb --root-owner-group $compression --build "$package" "$file" >/dev/null
echo "$file"
