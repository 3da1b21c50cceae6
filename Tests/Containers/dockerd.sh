#!/bin/sh
# A Docker daemon that nothing of this machine sees: with its own network, so that bridges and published ports are its own; its own
# processes, which all end with it; and its own mounts. As root.
#
#   dockerd.sh FOLDER NAME     the socket is FOLDER/docker.sock; NAME is that of its control groups
#
# What it says goes to standard error, "API listen on" when it can be used. Requests to published ports are made in its network:
#   nsenter --net=/proc/PID/ns/net curl http://127.0.0.1:8080/       PID: the process that runs this script
set -eu
# Ready-made rules of iptables would be the machine's; without them containers reach each other, and nothing outside.
# shellcheck disable=SC2016 # the inner shell expands
exec unshare --net --mount --pid --fork --kill-child --mount-proc sh -c '
    ip link set lo up && exec dockerd --host "unix://$1/docker.sock" --data-root "$1/data" --exec-root "$1/exec" \
        --pidfile "$1/docker.pid" --cgroup-parent "/$2" --exec-opt native.cgroupdriver=cgroupfs \
        --iptables=false --ip6tables=false --ip-masq=false --ip-forward=false \
        --bip 172.30.0.1/24 --default-address-pool base=172.31.0.0/16,size=24
' sh "$1" "$2"
