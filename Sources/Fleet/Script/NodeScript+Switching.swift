extension NodeScript {
    /// The switch: written, tested, reloaded, verified; or put back.
    static let switching = #"""
        # ---- switching ----

        decode() { base64 -d <<TEXT
        $1
        TEXT
        }

        # Replaces the file by the base64 text $1: beside it, complete on the disk, then renamed. Owner, mode and
        # labels stay.
        write_file() {
            problem=$( {
                { [ ! -e "$beside" ] || rm -f "$beside"; } &&
                    { [ ! -e "$file" ] || cp -a "$file" "$beside"; } &&
                    decode "$1" >"$beside" &&
                    { sync "$beside" 2>/dev/null || sync; } &&
                    mv -f "$beside" "$file"
            } 2>&1 ) && return
            rm -f "$beside" 2>/dev/null
            return 1
        }

        put_file_back() {
            if [ "$sum" = none ]; then
                rm -f "$file"
            else
                write_file "$text"
            fi && [ "$(base64 <"$file" 2>/dev/null)" = "$text" ] && putback=yes
            fact putback "${putback:-no}"
        }

        # Gives the switch up: the file as it was before, and nginx with what it had loaded before. $1: how long a
        # second reload may take, in hundredths of a second; 0 when it is known that nginx has not taken the new
        # file.
        give_up() {
            [ -z "$written" ] || put_file_back
            look
            # `loaded` is what held before the switch. Only a file that nginx had loaded may be loaded again.
            if [ "$1" -gt 0 ] && [ "$loaded" = yes ]; then
                old=$present
                # Whoever ended this waits only for a few seconds more.
                timeout 3 sh -c "$reload" </dev/null >/dev/null 2>&1 9>&-
                clock
                back_until=$((now + $1))
                until replaced "$old"; do
                    clock
                    [ "$now" -lt "$back_until" ] || break
                    pause
                done
            fi
            sum_of "$file" || sum=none
            if [ "$loaded" = yes ] && same_master && [ "$running" = "$before" ]; then record "$text" "$sum"; fi
            nginx_facts
            judge_facts
            finish
        }

        # Reloads, and waits until none of the workers that accept connections now does so any more, and new ones
        # do.
        reload_and_verify() {
            look
            old=$present
            command_of_operator "$reload"
            if [ "$status" != 0 ]; then
                facts said "${words:-it ended with status $status}"
                fact refused reload
                give_up 100
            fi
            fact reloaded yes
            sync "${file%/*}" 2>/dev/null &
            clock
            deadline=$((now + verify))
            ask_log=$((now + 30))
            until same_master && replaced "$old"; do
                clock
                if [ "$now" -ge "$ask_log" ]; then
                    ask_log=$((now + 25))
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
                fi
                if [ "$now" -ge "$deadline" ] || [ -n "$ended" ] || ! same_master; then
                    same_master || fact master_gone "$master"
                    facts said "$(log_news)"
                    fact verified no
                    fact still "$running"
                    give_up 300
                fi
                pause
            done
        }

        act_switch() {
            # A connection that is lost must not leave half a switch: it is carried through. To be ended is to be
            # put back.
            trap '' HUP PIPE INT
            trap 'ended=yes' TERM
            payload
            state_directory
            lock lock
            fence
            file_facts
            [ -n "$sum" ] || finish
            [ "$sum" = "$expect" ] || { fact changed yes; finish; }
            find_master || { fact master none; finish; }
            look
            judge
            remember_token
            if [ "$sum" != none ] && [ "$new" = "$text" ]; then
                if [ "$loaded" = yes ]; then
                    record "$text" "$sum"
                    nginx_facts
                    fact loaded yes
                    fact reloaded no
                    fact verified yes
                    finish
                fi
            else
                written=yes
                if ! write_file "$new"; then
                    fact unwritable "$problem"
                    finish
                fi
            fi

            test_configuration
            before=$running
            if [ "$tested" != 0 ]; then
                facts said "$tested_words"
                fact refused test
                give_up 0
            fi
            # Workers that a reload started after this moment may have read the file before it was written, if that
            # reload was under way already. The reload after that one cannot: the master finishes one before it
            # begins the next.
            rounds=1
            settle || rounds=2
            look
            before=$running
            error_log
            while [ "$rounds" -gt 0 ]; do
                reload_and_verify
                rounds=$((rounds - 1))
            done
            wait
            if [ "$(base64 <"$file" 2>/dev/null)" != "$new" ]; then
                sum_of "$file" || sum=none
                fact verified no
                fact changed during
                nginx_facts
                finish
            fi
            sum_of "$file"
            record "$new" "$sum"
            nginx_facts
            fact loaded yes
            fact replaced "$before"
            fact verified yes
        }

        remember_token() {
            [ "$token" -gt "$seen" ] || return 0
            {
                printf '%s\n' "$token" >"$state/.$app.token" && mv -f "$state/.$app.token" "$state/$app.token"
            } 2>/dev/null && return
            fact unwritable "$state/$app.token"
            finish
        }
        """#
}
