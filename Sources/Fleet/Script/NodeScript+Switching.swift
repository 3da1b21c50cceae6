extension NodeScript {
    /// The switch: written, tested, reloaded, verified; or put back.
    static let switching = #"""
        # ---- switching ----

        # Replaces the file by the text $1: beside it, complete on the disk, read back, then renamed. Owner, mode and
        # labels stay. With $2, only if that is still wanted.
        write_file() {
            problem=$(
                {
                    { [ ! -e "$beside" ] || rm -f "$beside"; } && { [ ! -e "$file" ] || cp -a "$file" "$beside"; } &&
                        printf %s "$1" >"$beside" && { sync "$beside" 2>/dev/null || sync; } &&
                        slurp "$beside" || exit 1
                    [ "$text" = "$1" ] || { echo 'what was written is not there: the disk may be full'; exit 1; }
                    [ -z "$2" ] || in_time || exit 2
                    mv -f "$beside" "$file"
                } 2>&1
            )
            written_status=$?
            [ "$written_status" = 0 ] && return
            rm -f "$beside" 2>/dev/null
            return 1
        }

        put_file_back() {
            if [ "$present" = no ]; then
                rm -f "$file"
                [ -e "$file" ] || putback=yes
            elif write_file "$text"; then
                putback=yes
            fi
            fact putback "${putback:-no}"
        }

        # Gives the switch up: the file and `current` as they were before, and nginx with what it had loaded before.
        # $1: how long a second reload may take, in hundredths of a second; 0 when it is known that nginx has not
        # taken the new file.
        give_up() {
            [ -z "$written" ] || put_file_back
            [ -z "$flipped" ] || point_current "$assets_before"
            look
            # `loaded` is what held before the switch. Only a file that nginx had loaded may be loaded again.
            if [ "$1" -gt 0 ] && [ "$loaded" = yes ]; then
                old_workers=$present_workers
                # Whether what is read now is the file as it has been put back, and not what another reload had begun to read.
                back=
                ! settle || back=$putback
                # Whoever ended this waits only for a few seconds more. What nginx's own command would find broken now keeps
                # it from sending the signal.
                if reloads_by_signal; then
                    kill -HUP "$master" 2>/dev/null
                else
                    timeout 3 sh -c "$reload" </dev/null >/dev/null 2>&1 9>&-
                fi
                clock
                back_until=$((now + $1))
                until replaced "$old_workers"; do
                    clock
                    [ "$now" -lt "$back_until" ] || { back=; break; }
                    pause
                done
                if [ "$back" = yes ] && same_master; then record "$text"; fi
            fi
            if [ "$loaded" = yes ] && same_master && [ "$running" = "$before" ]; then
                # A child without a name may come of the file that has been put back.
                present_workers=$running
                record "$text"
            fi
            present=no
            if [ -e "$file" ]; then
                present=unreadable
                [ -f "$file" ] && slurp "$file" && present=yes
            fi
            nginx_facts
            judge_facts
            assets_facts
            finish
        }

        # `nginx -s reload` reads the whole configuration, which was tested a moment ago, only to find the master and send
        # it SIGHUP.
        reloads_by_signal() { [ "$reload" = 'nginx -s reload' ]; }

        ask_for_reload() {
            if reloads_by_signal; then
                words='its master is gone'
                kill -HUP "$master" 2>/dev/null
                status=$?
            else
                command_of_operator "$reload"
            fi
        }

        refused_by_test() {
            facts said "$tested_words"
            fact refused test
            give_up 0
        }

        # Reloads, and waits until none of the children that `look` saw accepts connections any more, and new ones do.
        reload_and_verify() {
            old_workers=$present_workers
            ask_for_reload
            if [ "$status" != 0 ]; then
                facts said "${words:-it ended with status $status}"
                fact refused reload
                give_up 100
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
            until replaced "$old_workers" && same_master; do
                clock
                if [ "$now" -ge "$ask_why" ]; then
                    ask_why=$((now + 25))
                    news=$(log_news)
                    # A port that is taken is tried again for a while; everything else at this level is nginx's last
                    # word.
                    case $(printf '%s\n' "$news" | grep -F '[emerg]' | grep -vE ' bind\(\) to ') in
                    ?*)
                        facts said "$news"
                        fact refused master
                        give_up 0
                        ;;
                    esac
                    # Not everybody's nginx logs where this can read.
                    [ -n "$tested" ] || test_configuration
                    if [ "$tested" != 0 ] && took_nothing "$old_workers"; then refused_by_test; fi
                fi
                if [ "$now" -ge "$deadline" ] || [ -n "$ended" ] || [ ! -d "/proc/$master" ]; then
                    same_master || fact master_gone "$master"
                    facts said "$(log_news)"
                    fact verified no
                    fact still "$running"
                    give_up 300
                fi
                next_pause
            done
        }

        # `current` follows the port that gets the traffic.
        flip_or_give_up() {
            assets_before=
            [ -z "$assets" ] || [ ! -L "$assets/current" ] || assets_before=$(readlink "$assets/current")
            assets_before=${assets_before:-none}
            flip_assets "$port" && return
            fact stuck "$problem"
            give_up 0
        }

        act_switch() {
            # A connection that is lost must not leave half a switch: it is carried through. To be ended is to be put
            # back.
            trap '' HUP PIPE INT
            trap 'ended=yes' TERM
            payload
            decoded
            state_directory
            lock lock
            fence
            still_wanted
            file_facts
            [ "$present" != unreadable ] || finish
            [ "$present" = "$expect" ] && [ "$text" = "$old" ] || { fact changed yes; finish; }
            [ -z "$installed" ] || only_down_differs
            find_master || { fact master none; finish; }
            before=$running
            judge
            remember_token
            if [ "$present" != yes ] || [ "$new" != "$text" ] || [ "$loaded" != yes ]; then
                # The candidate's pods may have changed since they were asked, or what this machine knows of them.
                [ "$probe" = none ] || probe_candidate
                [ -z "$prove" ] || ask_before
                [ -z "$ended" ] || { fact expired late; finish; }
            fi
            if [ "$present" = yes ] && [ "$new" = "$text" ]; then
                if [ "$loaded" = yes ]; then
                    flip_or_give_up
                    record "$text"
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

            # Where nginx has just accepted its configuration, its own answer to SIGHUP is the test: only `down` has moved since,
            # and what others may have broken it does not take.
            tested=
            if [ -z "$accepted" ] || [ "$present" = no ] || ! reloads_by_signal; then
                test_configuration
                [ "$tested" = 0 ] || refused_by_test
            fi
            # Workers that a reload started after this moment may have read the file before it was written, if that
            # reload was under way already. The reload after that one cannot: the master finishes one before it begins
            # the next.
            rounds=1
            settle || rounds=2
            error_log
            if ! in_time; then
                fact expired "$expired"
                give_up 0
            fi
            flip_or_give_up
            look
            before=$running
            while [ "$rounds" -gt 0 ]; do
                reload_and_verify
                rounds=$((rounds - 1))
            done
            wait
            if ! slurp "$file" || [ "$text" != "$new" ]; then
                fact verified no
                fact changed during
                nginx_facts
                finish
            fi
            if [ -n "$prove" ] && ! prove_visitors; then
                fact refused visitors
                text=$old
                # nginx has loaded what does not serve. What was not loaded before is better than that, if nginx takes it.
                if [ "$loaded" != yes ]; then
                    put_file_back
                    written=
                    test_configuration
                    [ "$tested" != 0 ] || loaded=yes
                fi
                give_up 300
            fi
            record "$new"
            nginx_facts
            assets_facts
            fact loaded yes
            fact replaced "$before"
            fact verified yes
        }
        """#
}
