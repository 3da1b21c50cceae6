#!/bin/sh
set -e

case $1 in
configure | abort-upgrade | abort-deconfigure | abort-remove)
    # Its home is made by systemd (StateDirectory), when the service starts for the first time; here for those who have no systemd.
    adduser --quiet --system --group --home /var/lib/viridian --no-create-home --gecos Viridian --shell /usr/sbin/nologin viridian
    if [ ! -d /var/lib/viridian ]; then install -d -o viridian -g viridian -m 0700 /var/lib/viridian; fi
    # The configuration has keys and passwords in it: root writes it, viridian reads it. What an administrator chose since stays.
    if [ -z "$2" ] && ! dpkg-statoverride --list /etc/viridian >/dev/null; then
        chown root:viridian /etc/viridian
        chmod 0750 /etc/viridian
    fi

    deb-systemd-helper unmask viridian.service >/dev/null || true
    if deb-systemd-helper --quiet was-enabled viridian.service; then
        deb-systemd-helper enable viridian.service >/dev/null || true
    else
        # Disabled by an administrator: so it stays.
        deb-systemd-helper update-state viridian.service >/dev/null || true
    fi
    if [ -d /run/systemd/system ]; then
        systemctl --system daemon-reload >/dev/null || true
        # A release that is running stops where the journal has it, and the new program goes on with it. What an administrator stopped
        # stays stopped. A service that does not start is no failed installation: the log says why.
        if [ -n "$2" ]; then
            deb-systemd-invoke try-restart viridian.service >/dev/null || true
        else
            deb-systemd-invoke start viridian.service >/dev/null || true
        fi
    fi
    ;;
esac
