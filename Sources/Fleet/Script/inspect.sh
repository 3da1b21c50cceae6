# shellcheck shell=sh
# inspect: what this node has of an app that Viridian does not know yet, for `viridian adopt`: nginx's whole
# configuration, the app's file, its deploy program, its static files. Changes nothing. (Where nginx does not run, its own
# test creates pid and log files that are missing, as it always does.)

act_inspect() {
    file_facts
    find_master
    nginx_facts
    loaded_facts
    binary=$(readlink "/proc/$master/exe" 2>/dev/null)
    fact nginx "$("${binary:-nginx}" -v 2>&1)"
    case $test_command in
    'nginx -t'* | */nginx\ -t* | nginx\ *\ -t* | */nginx\ *\ -t*)
        dump=$(
            sh -c "${test_command% -t*} -T${test_command##* -t}" </dev/null 2>&1
            printf 'viridian-status=%s\n' "$?"
        )
        printf '%s\n' "$dump" | awk "$inspection_awk"
        static_facts "$(printf '%s\n' "$dump" | awk -v roots=yes "$inspection_awk")"
        ;;
    *) fact test unknown ;;
    esac
    program=$(command -v "deploy-$app")
    case $program in
    /*)
        fact program "$program"
        # Where it fetches from, if it is a script that says so.
        fact source "$(sed -n "s|.*\(s3://[^[:space:]\"'\\\\;]*\).*|\1|p" "$program" 2>/dev/null | sed -n 1p)"
        ;;
    esac
}

# Of each of the directories $1, one a line: how many releases it holds, where `current` points, and its path.
static_facts() {
    while IFS= read -r place; do
        [ -d "$place/releases" ] || continue
        fact static "$(find "$place/releases" -mindepth 1 -maxdepth 1 2>/dev/null | grep -c .)$tab$(readlink "$place/current")$tab$place"
    done <<PLACES
$1
PLACES
}
