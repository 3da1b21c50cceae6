#!/bin/sh
set -e

# Not before an upgrade: the old program serves until the new one is there, and postinst restarts the service.
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    deb-systemd-invoke stop viridian.service >/dev/null || true
fi
