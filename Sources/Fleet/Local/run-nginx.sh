# shellcheck shell=sh
# sh -c '…' sh OWNER COMMAND…: runs nginx in the foreground, and ends it should the process OWNER be gone. The watch is no child of
# nginx, which would count it among its workers.
owner=$1; shift
(
    (
        while kill -0 "$owner" && kill -0 $$; do sleep 1; done
        kill -QUIT $$
    ) </dev/null >/dev/null 2>&1 &
)
exec "$@"
