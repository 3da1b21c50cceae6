#!/usr/bin/env bash
# The tree that all packages are made from: bin, lib, share, as below /usr.
#
#   packaging/stage.bash BINARY STAGE [PROGRAM]    PROGRAM: where the systemd unit finds the program; default /usr/bin/viridian
set -euo pipefail

binary=$1 stage=$2 program=${3:-/usr/bin/viridian}
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")

umask 022
mkdir -p "$stage/bin" "$stage/share/doc/viridian/examples/apps" "$stage/lib/systemd/system"

strip --strip-all --remove-section=.comment -o "$stage/bin/viridian" "$binary"
chmod 0755 "$stage/bin/viridian"
# The names under which kubectl finds it: `kubectl viridian`, and its completion.
ln -s viridian "$stage/bin/kubectl-viridian"
ln -s viridian "$stage/bin/kubectl_complete-viridian"

"$root/script/man-pages" "$binary" "$stage/share/man"
for name in kubectl-viridian kubectl_complete-viridian; do
    echo '.so man1/viridian.1' >"$stage/share/man/man1/$name.1"
done

completion() {
    mkdir -p "$stage/share/$(dirname "$2")"
    "$binary" completions "$1" >"$stage/share/$2"
}
completion bash bash-completion/completions/viridian
completion zsh zsh/site-functions/_viridian
completion fish fish/vendor_completions.d/viridian.fish

cp "$here/examples/viridian.yaml" "$stage/share/doc/viridian/examples/"
cp "$root"/{CHANGELOG.md,LICENSE} "$root"/docs/{guide,configuration,operations}.md "$stage/share/doc/viridian/"
"$binary" render systemd --program "$program" --config "$here/examples/viridian.yaml" >"$stage/lib/systemd/system/viridian.service"
