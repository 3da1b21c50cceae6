#!/bin/sh
# A machine of its own for a test of configuration management, as root:
#
#   unshare --mount --net --pid --fork --kill-child sh machine.sh FOLDER
#
# /etc is a copy of this machine's, other directories that are written to are empty, the network has nothing but loopback, and all its
# processes end with the first one. Its files lie below FOLDER: FOLDER/etc, FOLDER/srv. It prints the id of its first process, for
# `nsenter --target ID --mount --net --pid`.
set -eu
folder=$1
read -r first _ </proc/self/stat
mount --make-rprivate /
mkdir -p "$folder"
cp -a /etc "$folder/etc"
rm -rf "$folder"/etc/nginx/conf.d/* "$folder"/etc/sudoers.d/* "$folder/etc/viridian"
for place in /run /srv /home /var/log/nginx /usr/local/sbin; do mkdir -p "$folder$place"; done
for place in /etc /run /srv /home /var/log /usr/local/sbin; do mount --bind "$folder$place" "$place"; done
mount -t proc proc /proc
ip link set lo up

# Salt leaves services alone where systemctl is there and systemd is not: here services are those of sysvinit, of which Debian lacks two
# programs.
! systemctl=$(command -v systemctl) || mount --bind /dev/null "$systemctl"
printf '#!/bin/sh\necho N 5\n' >/usr/local/sbin/runlevel
# shellcheck disable=SC2016 # a parameter of that program
printf '#!/bin/sh\nexec update-rc.d "$1" defaults\n' >/usr/local/sbin/insserv
chmod +x /usr/local/sbin/runlevel /usr/local/sbin/insserv

echo "$first"
exec sleep infinity
