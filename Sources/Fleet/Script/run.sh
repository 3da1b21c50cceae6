#!/bin/sh
# Runs the node script from this folder, for whoever changes it or wants to know what it finds on a node:
#
#   sh run.sh check app=shop backends=/etc/nginx/backends
#   printf '=end\n' | sh run.sh stage app=shop backends=/etc/nginx/backends
#
# It is the program that nodes get (NodeScript.swift puts the same files together), and the one that shellcheck reads.
# shellcheck source-path=SCRIPTDIR

here=$(cd "$(dirname "$0")" && pwd)

configuration_awk=$(cat "$here/configuration.awk")
inspection_awk=$(cat "$here/inspection.awk")
archive_awk=$(cat "$here/archive.awk")
arrivals_awk=$(cat "$here/arrivals.awk")
allowed_awk=$(cat "$here/allowed.awk")
links_sh=$(cat "$here/links.sh")
exchange_bash=$(cat "$here/exchange.bash")
visit_bash=$(cat "$here/visit.bash")

. "$here/common.sh"
. "$here/state.sh"
. "$here/payload.sh"
. "$here/upstream_file.sh"
. "$here/nginx.sh"
. "$here/loaded.sh"
. "$here/configuration.sh"
. "$here/sockets.sh"
. "$here/assets.sh"
. "$here/unpacking.sh"
. "$here/exchange.sh"
. "$here/probe.sh"
. "$here/visits.sh"
. "$here/restrictions.sh"
. "$here/read.sh"
. "$here/readall.sh"
. "$here/receive.sh"
. "$here/stage.sh"
. "$here/switch.sh"
. "$here/drain.sh"
. "$here/check.sh"
. "$here/checkall.sh"
. "$here/inspect.sh"
. "$here/main.sh"
. "$here/session.sh"

main "$@"
