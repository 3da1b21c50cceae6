# shellcheck shell=sh
# stage: everything that can be known or prepared before the switch. The configuration tested, the candidate probed,
# assets in place, the operator's command run. What visitors get stays as it is.

act_stage() {
    read_payload
    state_directory
    # The file is read under the lock, since another `stage` may have put one there for a moment.
    lock lock
    fence
    stop_if_late
    find_file
    if [ ! -e "$file" ] || [ -n "$artifact" ]; then decode_payload; fi
    [ -z "$installed" ] || check_sources
    file_facts
    [ -n "$accepted" ] || refuse_zero_byte
    [ "$present" != unreadable ] || finish
    [ "$file" = "$backends/$app.conf" ] || [ -w "${file%/*}" ] || { fact unwritable "${file%/*}"; finish; }
    if [ "$present" = no ]; then
        # The include may name this very file, so nginx can only test its configuration with the file there. Nothing is
        # loaded.
        [ -z "$installed" ] || check_new_text
        write_file "$new" || { fact unwritable "$problem"; finish; }
        test_inclusion
        rm -f "$file"
    fi
    unlock
    lock "$app.stage"
    stop_if_late
    # Unless an earlier request of this release has tested it a moment ago.
    if [ -z "$accepted" ] || [ -n "$tested" ]; then
        [ -n "$tested" ] || test_inclusion
        if [ "$tested" != 0 ]; then
            facts said "$test_output"
            fact refused test
            finish
        fi
        facts mention "$mentions"
    fi
    [ "$included" != no ] || { fact included no; finish; }
    find_master || { fact master none; finish; }
    nginx_facts
    loaded_facts
    [ "$probe" = none ] || probe_candidate
    [ -z "$preview" ] || [ "$probe" = none ] || [ "$present" = no ] || visit_preview
    [ -z "$artifact" ] || stage_assets
    assets_facts
    [ -z "$post" ] || post_deploy
    fact staged yes
}

# The operator's command after the pods are up, with its lines as they come.
post_deploy() {
    exec 4>&1
    status=$(
        {
            {
                VIRIDIAN_APP=$app VIRIDIAN_VERSION=$version VIRIDIAN_COLOR=$color VIRIDIAN_RELEASE=$release \
                    timeout "$post_seconds" sh -c "$post" </dev/null 2>&1 3>&- 4>&- 9>&-
                echo "$?" >&3
            } | relay out >&4
        } 3>&1
    )
    exec 4>&-
    fact post "$status"
    [ "$status" = 0 ] || finish
}
