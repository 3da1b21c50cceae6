#!/bin/sh
# Stands for docker where building is not the subject: writes down what it is told, and remembers what was pushed.
#
#   RECORDING_DOCKER   a folder: `log` has the calls, `pushed/` a file for each tag with its digest
#   RECORDING_PUSH     a program that really pushes: gets the image's name, prints the digest
#   RECORDING_FAILURE  what fails: build, run, login or push
set -eu
log=$RECORDING_DOCKER/log
mkdir -p "$RECORDING_DOCKER/pushed"

# The last word.
for image in "$@"; do :; done
pushed=$RECORDING_DOCKER/pushed/$(printf %s "${image:-}" | tr -c 'A-Za-z0-9._-' _)

case ${RECORDING_FAILURE:-none} in
"$1" | "${2:-}") echo "recording docker: $* fails" >&2 && exit 17 ;;
esac

case "$1 ${2:-}" in
'build '*)
    printf 'build' >>"$log"
    printf ' %s' "$@" >>"$log"
    echo >>"$log"
    ;;
'compose run') echo "compose run ${VERSION:-no version}: $4 $5 $6 $7" >>"$log" ;;
'compose down') echo "compose down" >>"$log" ;;
'login '*)
    read -r password || true
    [ -n "${password:-}" ] || { echo "no password on standard input" >&2 && exit 1; }
    echo "login $image as $3" >>"$log"
    ;;
'pull '*)
    [ -e "$pushed" ] || { echo "manifest unknown" >&2 && exit 1; }
    echo "pull $image" >>"$log"
    ;;
'push '*)
    if [ -n "${RECORDING_PUSH:-}" ]; then
        "$RECORDING_PUSH" "$image" >"$pushed"
    else
        printf 'sha256:%s\n' "$(date +%s%N | sha256sum | cut -d ' ' -f 1)" >"$pushed"
    fi
    echo "push $image" >>"$log"
    ;;
'image inspect')
    printf '[\n    {\n        "RepoTags": [\n            "%s"\n        ],\n' "$image"
    printf '        "RepoDigests": [\n            "elsewhere/blog@sha256:%064d",\n            "%s@%s"\n        ]\n    }\n]\n' \
        0 "${image%:*}" "$(cat "$pushed")"
    ;;
*)
    echo "recording docker: not expected: $*" >&2
    exit 64
    ;;
esac
