# shellcheck shell=sh
# checkall: what `check` says, of many apps in one request. Changes nothing, as `check`.
#
# The apps come on standard input as for `readall` (readall.sh), with more in each line:
#   NAME BLUE GREEN ASSETS<tab>UPSTREAM<tab>LIVE<tab>HOSTS<tab>PREVIEW
# LIVE is the port of the live colour. ASSETS, LIVE, HOSTS and PREVIEW may be empty. The answer is what `check` says of the node, then
# the groups of `readall`, in which each app has besides what `check` says of it.
#
# nginx prints its configuration once, for all of them.
#
# For other parts: open_live_ports, checked_app_facts (readall.sh)

act_checkall() {
    read_payload
    decode_payload
    [ -z "$installed" ] || allow_apps
    find_master
    find_in_configuration
    node_check_facts
    read_apps
}

# What nginx's configuration has of the app number N of the request, in $found_N: lines of configuration.awk. $printed is 0 where
# they are known.
find_in_configuration() {
    tested='' test_output='' included_there='' included='' printed='' number=0
    if configuration_command; then
        while IFS= read -r line; do
            case $line in
            viridian-app=*)
                number=${line#*=}
                is_number "$number" || number=0
                eval "found_$number="
                ;;
            *) if [ "$number" = 0 ]; then configuration_line; else eval "found_$number=\$found_$number\$line\$newline"; fi ;;
            esac
        done <<LINES
$(print_configuration "$(app_lines)")
LINES
        printed=$tested
    fi
    [ "$tested" = 0 ] || test_configuration
}

app_lines() {
    while IFS= read -r entry; do
        [ -n "$entry" ] || continue
        app_of_entry
        find_file
        pair=$ports
        app_line
    done <<APPS
$apps
APPS
}

# Which of the group's live ports accept a connection.
open_live_ports() {
    index=0 asked_ports=''
    while [ "$index" -lt "$group" ]; do
        index=$((index + 1))
        eval "asked_ports=\"\$asked_ports \$live_$index\""
    done
    open_ports "$asked_ports"
}

# What `check` says of an app besides what `read` says.
checked_app_facts() {
    included=unknown mentions='' ways=''
    if [ "$printed" = 0 ]; then
        eval "found=\$found_$number"
        while IFS= read -r line; do configuration_line; done <<FOUND
$found
FOUND
    fi
    configuration_check_facts
    assets_check_facts
    [ -z "$live" ] || port_fact "$live"
}
