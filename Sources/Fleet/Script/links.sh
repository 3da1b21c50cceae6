# shellcheck shell=sh
# A program of its own, which unpacking.sh has find run: prints the symbolic links that lead out of a directory, or to
# nothing. Arguments: the directory, and links in it.
#
# Where each link leads is resolved with all links in between, since a chain of links may lead where no single one does.
# The last name in its target may be a link too, which is checked by itself.

root=$1 real=$(cd -P "$1" && pwd -P)
shift
for link; do
    aim=$(readlink "$link") at=${link%/*}
    case $aim in
    /*) at=/ ;;
    . | .. | */ | */. | */..) at=$at/$aim ;;
    */*) at=$at/${aim%/*} ;;
    esac
    case $(cd -P "$at" 2>/dev/null && pwd -P)/ in "$real"/*) continue ;; esac
    printf '%s: a link to %s, which is outside, or nowhere\n' "${link#"$root"/}" "$aim"
done
