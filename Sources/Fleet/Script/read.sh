# shellcheck shell=sh
# read: the file, the release number, nginx's processes, what they have loaded. Stores the number, changes nothing else.

act_read() {
    # A release that reads leaves its number: requests of an older release that are still on their way are refused then.
    if [ "$token" -gt 0 ]; then
        state_directory
        lock lock
        read_token
        remember_token
    fi
    file_facts
    read_token
    fact token "$seen"
    find_master
    nginx_facts
    loaded_facts
    assets_facts
}
