# shellcheck shell=sh
# switch: the new text written, tested, reloaded and verified; or the old one restored.

act_switch() {
    # A lost connection must not leave half a switch: the switch is carried through. SIGTERM asks for the way back.
    trap '' HUP PIPE INT
    trap 'ended=yes' TERM
    read_payload
    decode_payload
    state_directory
    lock lock
    fence
    stop_if_late
    file_facts
    [ "$present" != unreadable ] || finish
    { [ "$present" = "$expect" ] && [ "$text" = "$old" ]; } || { fact changed yes; finish; }
    [ -z "$installed" ] || check_new_text
    find_master || { fact master none; finish; }
    before=$running
    check_loaded
    remember_token
    if [ "$present" != yes ] || [ "$new" != "$text" ] || [ "$loaded" != yes ]; then
        # The candidate's pods may have changed since they were probed, or what this machine knows about them.
        [ "$probe" = none ] || probe_candidate
        [ -z "$prove" ] || visit_before
        [ -z "$ended" ] || { fact expired late; finish; }
    fi
    if [ "$present" = yes ] && [ "$new" = "$text" ]; then
        if [ "$loaded" = yes ]; then
            switch_assets_or_roll_back
            record_loaded "$text"
            nginx_facts
            assets_facts
            fact loaded yes
            fact reloaded no
            fact verified yes
            finish
        fi
    elif write_file "$new" in-time; then
        written=yes
    elif [ "$written_status" = 2 ]; then
        in_time
        fact expired "${expired:-late}"
        finish
    else
        fact unwritable "$problem"
        finish
    fi

    # Where nginx has just accepted its configuration, its own answer to SIGHUP is the test: only `down` has moved since
    # then, and a configuration that somebody else broke meanwhile nginx does not load.
    tested=
    if [ -z "$accepted" ] || [ "$present" = no ] || ! reloads_by_signal; then
        test_configuration
        [ "$tested" = 0 ] || roll_back_after_test
    fi
    # Workers that start after this moment may have loaded the file as it was before, if somebody else's reload is under
    # way already. Those of the next reload cannot: the master finishes one before it begins the next.
    rounds=1
    wait_until_idle || rounds=2
    mark_logs "/proc/$master/fd/2"
    reload_marks=$marks
    if ! in_time; then
        fact expired "$expired"
        roll_back 0
    fi
    switch_assets_or_roll_back
    read_workers
    before=$running
    while [ "$rounds" -gt 0 ]; do
        reload_and_verify
        rounds=$((rounds - 1))
    done
    wait
    if ! read_text "$file" || [ "$text" != "$new" ]; then
        fact verified no
        fact changed during
        nginx_facts
        finish
    fi
    if [ -n "$prove" ] && ! visit_after; then
        fact refused visitors
        text=$old
        # nginx has loaded what does not serve. The text before was not loaded, but is better than that, if nginx accepts it.
        if [ "$loaded" != yes ]; then
            restore_file
            written=
            test_configuration
            [ "$tested" != 0 ] || loaded=yes
        fi
        roll_back 300
    fi
    record_loaded "$new"
    nginx_facts
    assets_facts
    fact loaded yes
    fact replaced "$before"
    fact verified yes
}

# Reloads, and waits until none of the children that `read_workers` found accepts connections any more, and new ones
# do.
reload_and_verify() {
    old_workers=$present_workers
    request_reload
    if [ "$status" != 0 ]; then
        facts said "${output:-it ended with status $status}"
        fact refused reload
        roll_back 100
    fi
    fact reloaded yes
    sync "${file%/*}" 2>/dev/null &
    clock
    deadline=$((now + verify))
    ask_why=$((now + 50))
    pauses='0.015 0.025 0.04 0.06'
    # The master sleeps for 100 ms before it tells the old workers to end (ngx_master_process_cycle): there is
    # nothing to see before.
    pause 0.1
    until workers_replaced "$old_workers" && same_master; do
        clock
        if [ "$now" -ge "$ask_why" ]; then
            ask_why=$((now + 25))
            news=$(master_news)
            # nginx tries to bind a port that is taken again for a while; any other message of this level is final.
            case $(printf '%s\n' "$news" | grep -F '[emerg]' | grep -vE ' bind\(\) to ') in
            ?*)
                facts said "$news"
                fact refused master
                roll_back 0
                ;;
            esac
            # Not every nginx logs where this script can read.
            [ -n "$tested" ] || test_configuration
            if [ "$tested" != 0 ] && reload_ignored "$old_workers"; then roll_back_after_test; fi
        fi
        if [ "$now" -ge "$deadline" ] || [ -n "$ended" ] || [ ! -d "/proc/$master" ]; then
            same_master || fact master_gone "$master"
            facts said "$(master_news)"
            fact verified no
            fact still "$running"
            roll_back 300
        fi
        next_pause
    done
}

# What the master has logged since the reload was asked for.
master_news() { added_to_logs "$reload_marks" | grep -E "\[(emerg|alert|crit|error)\] $master#" | tail -n 5; }

request_reload() {
    if reloads_by_signal; then
        output='the master process is gone'
        kill -HUP "$master" 2>/dev/null
        status=$?
    else
        run_command "$reload"
    fi
}

roll_back_after_test() {
    facts said "$test_output"
    fact refused test
    roll_back 0
}

# `current` follows the port that gets the traffic.
switch_assets_or_roll_back() {
    switch_assets "$port" && return
    fact stuck "$problem"
    roll_back 0
}

# Ends the switch: file and `current` as they were before, and nginx with what it had loaded before. $1: how long a
# second reload may take, in hundredths of a second; 0 when it is known that nginx has not loaded the new file.
roll_back() {
    [ -z "$written" ] || restore_file
    if [ -n "$assets_switched" ]; then
        point_current "$assets_before"
        point_previous "$previous_before"
    fi
    read_workers
    # $loaded is the state before the switch. Only a file that nginx had loaded may be loaded again.
    if [ "$1" -gt 0 ] && [ "$loaded" = yes ]; then
        old_workers=$present_workers
        # Whether nginx reads the restored file now, and not what somebody else's reload had begun to read.
        back=
        ! wait_until_idle || back=$restored
        # Whoever ended this request waits only a few seconds more. nginx's own command would refuse to send the signal
        # where somebody has broken the configuration meanwhile.
        if reloads_by_signal; then
            kill -HUP "$master" 2>/dev/null
        else
            timeout 3 sh -c "$reload" </dev/null >/dev/null 2>&1 9>&-
        fi
        clock
        back_until=$((now + $1))
        until workers_replaced "$old_workers"; do
            clock
            [ "$now" -lt "$back_until" ] || { back=; break; }
            pause
        done
        if [ "$back" = yes ] && same_master; then record_loaded "$text"; fi
    fi
    if [ "$loaded" = yes ] && same_master && [ "$running" = "$before" ]; then
        # A child without a name may have been started with the restored file.
        present_workers=$running
        record_loaded "$text"
    fi
    present=no
    if [ -e "$file" ]; then
        present=unreadable
        [ -f "$file" ] && read_text "$file" && present=yes
    fi
    nginx_facts
    loaded_facts
    assets_facts
    finish
}

restore_file() {
    if [ "$present" = no ]; then
        rm -f "$file"
        [ -e "$file" ] || restored=yes
    elif write_file "$text"; then
        restored=yes
    fi
    fact putback "${restored:-no}"
}
