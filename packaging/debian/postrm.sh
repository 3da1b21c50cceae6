#!/bin/sh
set -e

if [ -d /run/systemd/system ]; then systemctl --system daemon-reload >/dev/null || true; fi

case $1 in
remove)
    if command -v deb-systemd-helper >/dev/null; then deb-systemd-helper mask viridian.service >/dev/null || true; fi
    ;;
purge)
    if command -v deb-systemd-helper >/dev/null; then
        deb-systemd-helper purge viridian.service >/dev/null || true
        deb-systemd-helper unmask viridian.service >/dev/null || true
    fi
    # The configuration goes, with the keys in it. A journal never does, wherever it is: it has the history of all releases.
    if [ -d /etc/viridian ]; then
        # shellcheck disable=SC2016 # the other shell's variables
        find /etc/viridian -depth -mindepth 1 ! -type d -exec sh -c '
            for file; do
                journal=${file%-wal}
                journal=${journal%-shm}
                [ "$(head -c 15 "$journal" 2>/dev/null)" = "SQLite format 3" ] || rm -f "$file"
            done' sh {} +
        find /etc/viridian -depth -type d -empty -delete
        [ ! -d /etc/viridian ] || echo "viridian: a journal in /etc/viridian is kept" >&2
    fi
    if [ -d /var/lib/viridian ] && ! rmdir /var/lib/viridian 2>/dev/null; then
        echo "viridian: the journal in /var/lib/viridian is kept, and the user viridian, whose it is. To remove both:" >&2
        echo "viridian:   rm -r /var/lib/viridian && deluser --system viridian" >&2
    fi
    ;;
esac
