#!/bin/sh
# A Debian without anything in it but apt, man and systemd (which does not run), from where this machine's own packages come: where a package is installed and
# tried. What the package depends on is downloaded, but not installed.
#
#   Tests/Packages/debian-root.sh DIR PACKAGE.deb     makes DIR, once
set -eu

dir=$1 package=$2
[ ! -e "$dir" ] || exit 0
new=$dir.new
rm -rf "$new"

# shellcheck source=/dev/null
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
# shellcheck disable=SC2016 # apt fills these in
mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' |
    awk -v release="$codename" '$2 == release { print $1; exit }')
[ -n "$mirror" ] || { echo "apt knows no archive for $codename" >&2; exit 1; }

debootstrap --variant=minbase "$codename" "$new" "$mirror" >"$dir.log" 2>&1 || { tail -n 5 "$dir.log" >&2; exit 1; }
# Proxies, and what of an archive is not checked here.
apt-config dump | grep -E '^Acquire::(Check|http|https)' >"$new/etc/apt/apt.conf.d/90machine" || true
# No service is started in it.
printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
chmod 0755 "$new/usr/sbin/policy-rc.d"

apt() { DEBIAN_FRONTEND=noninteractive chroot "$new" apt-get -qq -y --no-install-recommends "$@" >>"$dir.log" 2>&1; }
cp "$package" "$new/tmp/package.deb"
{ apt update && apt install man-db systemd && apt clean && apt install --download-only /tmp/package.deb; } || { tail -n 5 "$dir.log" >&2; exit 1; }
rm "$new/tmp/package.deb"
mv "$new" "$dir"
