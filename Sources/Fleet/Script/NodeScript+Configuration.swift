extension NodeScript {
    /// nginx's whole configuration, as `nginx -T` prints it: which of its lines name a colour's port, and how a visitor's request comes
    /// to the app.
    static let configuration = #"""
        # ---- nginx's whole configuration ----

        # Reads what nginx -T prints, each file behind `# configuration file PATH:`. It prints nginx's own words, the
        # beginnings of the app's file, and of everything else
        #   viridian-include=PATTERN
        #   viridian-log=PATH of an error log
        #   viridian-mention=LINE:PATH<tab>TEXT       a line that names one of the two ports (or an upstream server of them)
        #   viridian-way=UPSTREAM<tab>ADDRESS<tab>PORT<tab>KIND<tab>HOST<tab>PATH
        #                                             how nginx can be asked for something of that upstream's; KIND is
        #                                             plain, tls, plain-proxy or tls-proxy (the proxy protocol)
        # (By nginx's own grammar, but forgiving, for nginx accepts what it prints. A server block whose locations come from included files does
        # not show what it passes on; such a one is asked only where the app is known to have its name.)
        configuration_reader='
            function unquoted(word) { gsub(/["\047]/, "", word); return word }
            function directory(path) { sub(/\/[^\/]*$/, "", path); return path }
            function is_tail(path, tail) {
                return path == tail || substr(path, length(path) - length(tail)) == "/" tail
            }
            function directive(   i, target, inner) {
                    mentions()
                if (w[1] == "include") { if (kind[depth] == "stream") stream_files[directory(w[2])] = 1; else http_files[directory(w[2])] = 1; print "viridian-include=" w[2]; if (server) includes[server] = 1 }
                if (w[1] == "error_log" && w[2] ~ /^\//) print "viridian-log=" w[2]
                if (kind[depth] == "upstream" && w[1] == "server") {
                    inner = w[2]
                    if (inner ~ /^(127\.[0-9.]*|localhost|\[::1\]):[0-9]+$/) {
                        sub(/.*:/, "", inner)
                        if (inner == blue) has_blue[upstream_name] = 1
                        else if (inner == green) has_green[upstream_name] = 1
                        else has_other[upstream_name] = 1
                    } else has_other[upstream_name] = 1
                }
                if (!server) return
                if (w[1] == "listen" && depth == server_depth) {
                    listens[server] = listens[server] " " w[2]
                    kind_of[server, w[2]] = "plain"
                    for (i = 3; i <= words; i++) if (w[i] == "ssl" || w[i] == "quic") kind_of[server, w[2]] = w[i] == "ssl" ? "tls" : "quic"
                    for (i = 3; i <= words; i++) if (w[i] == "proxy_protocol") kind_of[server, w[2]] = kind_of[server, w[2]] "-proxy"
                }
                if (w[1] == "ssl" && w[2] == "on") all_tls[server] = 1
                if (w[1] == "server_name" && depth == server_depth)
                    for (i = 2; i <= words; i++) names[server] = names[server] " " w[i]
                if (w[1] ~ /^(proxy|fastcgi|uwsgi|scgi|grpc)_pass$/ || w[1] == "set") {
                    target = w[1] == "set" ? w[3] : w[2]
                    sub(/^[a-z]+:\/\//, "", target)
                    sub(/[\/:;$].*/, "", target)
                    passes[server] = passes[server] " " target
                    if (!((server, target) in place)) place[server, target] = ""
                    for (i = depth; i > server_depth; i--) if (kind[i] == "location") {
                        # The longest way in would need nginx itself; a prefix, or what is exactly so, will do.
                        inner = block_words[i]
                        if (inner !~ /^(~|~\*|@.*) ?/) { sub(/^(=|\^~) /, "", inner); place[server, target] = place[server, target] " " inner }
                        else place[server, target] = place[server, target] " ~"
                        break
                    }
                    if (i <= server_depth) place[server, target] = place[server, target] " /"
                }
            }
            function opened(   i) {
                depth++
                kind[depth] = w[1]
                block_words[depth] = w[2]
                for (i = 3; i <= words; i++) block_words[depth] = block_words[depth] " " w[i]
                if (w[1] == "upstream") { upstream_name = w[2]; upstreams[++upstream_count] = w[2]; file_of[w[2]] = here }
                if (w[1] == "server" && words == 1 && !server && kind[depth - 1] != "stream" && !of_stream && kind[depth - 1] != "upstream") {
                    server = ++server_count
                    server_depth = depth
                }
            }
            function closed() {
                if (server && depth == server_depth) server = 0
                if (depth > 0) depth--
            }
            BEGIN {
                port = "(" blue "|" green ")"
                mention = ":" port "([^0-9]|$)"
                here = ""
                inside["\""] = "^([^\"\\\\]|\\\\.)*\""
                inside["\047"] = "^([^\047\\\\]|\\\\.)*\047"
            }
            /^# configuration file .*:$/ {
                here = substr($0, 22, length($0) - 22)
                if (is_tail(here, base) || is_tail(here, own)) print
                line = depth = server = words = lua = 0
                if (!files++) print "viridian-files"
                of_stream = (directory(here) in stream_files) && !(directory(here) in http_files)
                    quote = ""
                next
            }
            /^nginx: / || /^viridian-status=/ { print; next }
            here == "" { next }
            { line++; gsub(/\r/, " ") }
            lua { lua_line($0); next }
            {
                # By the rules of ngx_conf_read_token. In pieces, for a long line would be copied at each word.
                pieces = split($0, piece, /[ \t]+/)
                for (p = 1; p <= pieces; p++) { left = piece[p]; if (p > 1 && quote != "") w[words] = w[words] " "; while (left != "") {
                    if (quote != "") {
                        if (match(left, inside[quote])) {
                            w[words] = w[words] substr(left, 1, RLENGTH - 1)
                            left = substr(left, RLENGTH + 1)
                            quote = ""
                        } else { w[words] = w[words] left; left = "" }
                        continue
                    }
                    first = substr(left, 1, 1)
                    if (first == "#") { p = pieces; break }
                    if (first == "\"" || first == "\047") { quote = first; at[++words] = line; w[words] = "" }
                    else if (first == ";") { if (words) directive(); words = 0 }
                    else if (first == "}") { closed(); words = 0 }
                    else if (first == "{") {
                        if (words && w[1] ~ /_by_lua_block$/) { words = 0; lua = 1; lua_line($0); lua--; p = pieces; break }
                        if (words) opened()
                        words = 0
                    } else {
                        match(left, /^([^ \t;{\\$]|\\.|[$][{]|[$\\])+/)
                        at[++words] = line
                        w[words] = substr(left, 1, RLENGTH)
                        left = substr(left, RLENGTH + 1)
                        continue
                    }
                    left = substr(left, 2)
                } }
            }
            # Lua has quotes and comments of its own; its braces are balanced.
            function lua_line(text) {
                gsub(/\\./, "", text)
                gsub(/"[^"]*"|\047[^\047]*\047/, "", text)
                sub(/--.*/, "", text)
                lua += gsub(/[{]/, "", text) - gsub(/[}]/, "", text)
                if (lua < 0) lua = 0
            }
            # What only says a port, and sends no request there, is none.
            function mentions(   i, shown) {
                if (blue == "" || w[1] ~ /^(proxy_redirect|proxy_cookie_domain|add_header|more_set_headers|log_format|valid_referers|sub_filter|if)$/) return
                for (i = 1; i <= words; i++) if (w[i] ~ mention || (w[1] == "set" && i == 3 && (w[i] == blue || w[i] == green))) {
                    shown = w[1]
                    for (k = 2; k <= words; k++) shown = shown " " w[k]
                    gsub(/[\t\n]/, " ", shown)
                    print "viridian-mention=" at[i] ":" here "\t" substr(shown, 1, 200)
                }
            }
            function host_of(s,   i, n, name, wanted, m) {
                m = split(hosts, wanted, " ")
                n = split(names[s], name, " ")
                for (i = 1; i <= m; i++) if ((" " names[s] " ") ~ (" " literal(wanted[i]) " ")) return wanted[i]
                for (i = 1; i <= n; i++) if (name[i] ~ /^[A-Za-z0-9][A-Za-z0-9.-]*$/) return name[i]
                return m ? wanted[1] : "localhost"
            }
            function literal(name) { gsub(/[.]/, "[.]", name); return name }
            function is_named(s, list,   i, n, wanted) {
                n = split(list, wanted, " ")
                for (i = 1; i <= n; i++) if ((" " names[s] " ") ~ (" " literal(wanted[i]) " ")) return 1
                return 0
            }
            function path_of(s, target,   i, n, at, first) {
                n = split(place[s, target], at, " ")
                for (i = 1; i <= n; i++) {
                    if (at[i] != "~" && substr(path, 1, length(at[i])) == at[i]) return path
                    if (first == "" && at[i] ~ /^\//) first = at[i]
                }
                return first == "" ? path : first
            }
            # Of what is listened at, the plainest: no TLS, IPv4.
            function best_listen(s,   i, n, each, score, best, found, k) {
                n = split(listens[s] == "" ? "80" : listens[s], each, " ")
                best = -1
                for (i = 1; i <= n; i++) {
                    if (each[i] ~ /^unix:/) continue
                    k = (s, each[i]) in kind_of ? kind_of[s, each[i]] : "plain"
                    if (k ~ /quic/) continue
                    if (s in all_tls && k ~ /^plain/) sub(/plain/, "tls", k)
                    score = (k == "plain" ? 4 : k == "plain-proxy" ? 2 : 1) + (each[i] ~ /\[/ ? 0 : 1)
                    if (score > best) { best = score; found = each[i]; found_kind = k }
                }
                return found
            }
            function address_of(listen,   address) {
                if (listen ~ /^[0-9]+$/) return "127.0.0.1\t" listen
                if (listen ~ /^\[/) {
                    address = listen
                    sub(/^\[/, "", address)
                    sub(/\].*/, "", address)
                    sub(/.*\]:?/, "", listen)
                    return (address == "::" ? "::1" : address) "\t" (listen == "" ? 80 : listen)
                }
                address = listen
                sub(/:.*/, "", address)
                if (listen ~ /:/) sub(/.*:/, "", listen); else listen = 80
                return (address == "*" || address == "0.0.0.0" ? "127.0.0.1" : address) "\t" listen
            }
            function way(target, wanted,   s, score, best, chosen, listen) {
                best = 0
                for (s = 1; s <= server_count; s++) {
                    score = 0
                    if ((" " passes[s] " ") ~ (" " literal(target) " ")) score = 4
                    else if (includes[s] && wanted != "" && is_named(s, wanted)) score = 1
                    if (!score) continue
                    if (wanted != "" && is_named(s, wanted)) score += 2
                    listen = best_listen(s)
                    if (listen == "") continue
                    if (found_kind == "plain") score += 0.5
                    if (score > best) { best = score; chosen = s }
                }
                if (!chosen) return
                listen = best_listen(chosen)
                hosts_were = hosts
                hosts = wanted
                print "viridian-way=" target "\t" address_of(listen) "\t" found_kind "\t" host_of(chosen) "\t" path_of(chosen, target)
                hosts = hosts_were
            }
            END {
                if (upstream == "") exit
                way(upstream, hosts)
                for (u = 1; u <= upstream_count; u++) {
                    name = upstreams[u]
                    if (name == upstream || name ~ /-preview$/ || has_other[name]) continue
                    if (!is_tail(file_of[name], base) && !is_tail(file_of[name], own)) continue
                    if (has_blue[name] && has_green[name]) way(name, hosts)
                }
                if (preview != "") way(upstream "-preview", preview)
            }'

        # Of all that nginx prints, what is told above. (A shell that looks for a text in a long one itself takes the
        # square of its length.)
        print_configuration() {
            {
                sh -c "$1" </dev/null 2>&1 9>&-
                printf 'viridian-status=%s\n' "$?"
            } | awk -v base="$app.conf" -v own="${file##*/}" -v blue="${pair% *}" -v green="${pair#* }" \
                -v upstream="$upstream" -v hosts="$hosts" -v preview="$preview" -v path="$path" "$configuration_reader"
        }

        # Tests the configuration, and reads all of it where the test is nginx's own: -T prints every file that is part of
        # it. A file that is not would be switched without anybody noticing that nothing has changed. Other commands than
        # nginx's own are only asked what they are there for.
        test_inclusion() {
            included=unknown mentions= ways= logs=
            case $test_command in
            'nginx -t'* | */nginx\ -t* | nginx\ *\ -t* | */nginx\ *\ -t*)
                read_configuration <<LINES
        $(print_configuration "${test_command% -t*} -T${test_command##* -t}")
        LINES
                if [ "$tested" = 0 ]; then
                    # Of what a release asks for, not of a look at the node.
                    [ "$action" != stage ] || { printf '%s' "$ways$logs" >"$state/$app.ways"; } 2>/dev/null
                    return 0
                fi
                included=unknown mentions=
                ;;
            esac
            [ "$action" != stage ] || rm -f "$state/$app.ways" 2>/dev/null
            test_configuration
        }

        # By whichever path nginx came to the file.
        read_configuration() {
            included=unknown tested= tested_words= included_there=
            while IFS= read -r line; do
                case $line in
                'nginx: '*) tested_words=$tested_words$line$newline ;;
                'viridian-status='*) tested=${line#*=} ;;
                'viridian-include='*"${backends##*/}/"*) included_there=yes ;;
                viridian-include=*) ;;
                viridian-files) [ "$included" = yes ] || included=no ;;
                viridian-way=*) ways=$ways$line$newline ;;
                viridian-log=*) case $logs in *"$line$newline"*) ;; *) logs=$logs$line$newline ;; esac ;;
                viridian-mention=*)
                    place=${line#*:}
                    place=${place%%"$tab"*}
                    line=${line#*=}
                    if [ "$place" -ef "$file" ]; then line=own:$line; else line=other:$line; fi
                    mentions=$mentions$line$newline
                    ;;
                '# configuration file '*:)
                    place=${line#'# configuration file '}
                    [ ! "${place%:}" -ef "$file" ] || included=yes
                    ;;
                esac
            done
        }

        # What the last reading of the configuration found, on this node, by whichever conversation.
        read_ways() {
            ways= logs=
            {
                while IFS= read -r line; do
                    case $line in
                    viridian-way=*) ways=$ways$line$newline ;;
                    viridian-log=*) logs=$logs$line$newline ;;
                    esac
                done <"$state/$app.ways"
            } 2>/dev/null
        }
        """#
}
