# Reads what `nginx -T` prints: every file of the configuration behind a line `# configuration file PATH:`. For any awk.
#
# Before it come the apps that are looked for, each in a line
#   viridian-app=BASE<tab>OWN<tab>BLUE<tab>GREEN<tab>UPSTREAM<tab>HOSTS<tab>PREVIEW<tab>PATH
# BASE and OWN are names of the app's file: by configuration, and the file itself; BLUE and GREEN the ports; HOSTS and PREVIEW host
# names of the app and of its preview; PATH is what to ask for.
#
# It prints nginx's own messages and
#   viridian-include=PATTERN
#   viridian-status=STATUS                    the line that configuration.sh adds at the end
# and then of each app, in their order,
#   viridian-app=NUMBER                       counted from 1
#   viridian-files                            where nginx has printed any file
#   # configuration file PATH:                each that may be the app's
#   viridian-log=PATH of an error log, where there is one app only: those of servers that pass to the upstream first, then those
#                                             of all servers
#   viridian-mention=LINE:PATH<tab>TEXT       a directive that names one of the two ports
#   viridian-way=UPSTREAM<tab>ADDRESS<tab>PORT<tab>KIND<tab>HOST<tab>PATH
#                                             how nginx can be asked for something of that upstream's; KIND is plain, tls,
#                                             plain-proxy or tls-proxy (the proxy protocol)
#
# It follows nginx's own grammar, but forgives errors, since nginx has accepted what it prints. A server block whose
# locations come from included files does not show what it passes on; it is asked only where it has one of the app's names.

BEGIN {
    here = ""
    inside["\""] = "^([^\"\\\\]|\\\\.)*\""
    inside["'"] = "^([^'\\\\]|\\\\.)*'"
}

!begun && /^viridian-app=/ {
    split(substr($0, 14), field, "\t")
    app_count++
    base[app_count] = field[1]
    own[app_count] = field[2]
    upstream[app_count] = field[5]
    hosts[app_count] = field[6]
    preview[app_count] = field[7]
    path[app_count] = field[8]
    blue[app_count] = field[3]
    green[app_count] = field[4]
    if (field[3] != "") apps_at[field[3]] = apps_at[field[3]] " " app_count
    if (field[4] != "") apps_at[field[4]] = apps_at[field[4]] " " app_count
    next
}

{ begun = 1 }

/^# configuration file .*:$/ {
    here = substr($0, 22, length($0) - 22)
    found = basename(here)
    files_called[found] = files_called[found] $0 "\n"
    line = depth = server = words = lua = 0
    files++
    of_stream = (directory(here) in stream_files) && !(directory(here) in http_files)
    quote = ""
    next
}

/^nginx: / || /^viridian-status=/ { print; next }

here == "" { next }

{ line++; gsub(/\r/, " ") }

lua { lua_line($0); next }

{
    # By the rules of ngx_conf_read_token. In pieces, since a long line would be copied at each word.
    pieces = split($0, piece, /[ \t]+/)
    for (p = 1; p <= pieces; p++) {
        left = piece[p]
        if (p > 1 && quote != "") w[words] = w[words] " "
        while (left != "") {
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
            if (first == "\"" || first == "'") { quote = first; at[++words] = line; w[words] = "" }
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
        }
    }
}

END {
    # Upstreams by the names of their files.
    for (u = 1; u <= upstream_count; u++) {
        found = basename(file_of[upstreams[u]])
        upstreams_in[found] = upstreams_in[found] " " u
    }
    for (n = 1; n <= app_count; n++) answer(n)
}

function answer(n,   rank, l, i, count, each, name) {
    print "viridian-app=" n
    if (files) print "viridian-files"
    printf "%s", files_called[base[n]]
    if (own[n] != base[n]) printf "%s", files_called[own[n]]
    if (app_count == 1)
        for (rank = 1; rank <= 3; rank++)
            for (l = 1; l <= log_count; l++) if (log_rank(log_server[l]) == rank) print "viridian-log=" error_logs[l]
    printf "%s", mentions_of[n]
    if (upstream[n] == "") return
    way(n, upstream[n], hosts[n])
    # Other upstreams of the app's file that have both colours: the app's under other names.
    count = split(upstreams_in[base[n]] (own[n] != base[n] ? upstreams_in[own[n]] : ""), each, " ")
    for (i = 1; i <= count; i++) {
        name = upstreams[each[i]]
        if (name == upstream[n] || name ~ /-preview$/) continue
        if (has_both_only(name, n)) way(n, name, hosts[n])
    }
    if (preview[n] != "") way(n, upstream[n] "-preview", preview[n])
}

# Whether an upstream has servers at both ports of app n, and no others.
function has_both_only(name, n,   i, count, each, at_blue, at_green) {
    if (has_other[name]) return 0
    count = split(ports_of[name], each, " ")
    for (i = 1; i <= count; i++) {
        if (each[i] == blue[n]) at_blue = 1
        else if (each[i] == green[n]) at_green = 1
        else return 0
    }
    return at_blue && at_green
}

# ---- a directive, a block that opens, one that closes: their words are w[1] to w[words] ----

function directive(   i, target, inner) {
    mentions()
    if (w[1] == "include") {
        if (kind[depth] == "stream") stream_files[directory(w[2])] = 1
        else http_files[directory(w[2])] = 1
        print "viridian-include=" w[2]
        if (server) includes[server] = 1
    }
    if (w[1] == "error_log" && w[2] ~ /^\//) { error_logs[++log_count] = w[2]; log_server[log_count] = server }
    if (kind[depth] == "upstream" && w[1] == "server") {
        inner = w[2]
        if (inner ~ /^(127\.[0-9.]*|localhost|\[::1\]):[0-9]+$/) {
            sub(/.*:/, "", inner)
            ports_of[upstream_name] = ports_of[upstream_name] " " inner
        } else has_other[upstream_name] = 1
    }
    if (!server) return
    if (w[1] == "listen" && depth == server_depth) {
        listens[server] = listens[server] " " w[2]
        kind_of[server, w[2]] = "plain"
        for (i = 3; i <= words; i++)
            if (w[i] == "ssl" || w[i] == "quic") kind_of[server, w[2]] = w[i] == "ssl" ? "tls" : "quic"
        for (i = 3; i <= words; i++) if (w[i] == "proxy_protocol") kind_of[server, w[2]] = kind_of[server, w[2]] "-proxy"
    }
    if (w[1] == "ssl" && w[2] == "on") all_tls[server] = 1
    if (w[1] == "server_name" && depth == server_depth)
        for (i = 2; i <= words; i++) {
            names[server] = names[server] " " w[i]
            servers_named[w[i]] = servers_named[w[i]] " " server
        }
    if (w[1] ~ /^(proxy|fastcgi|uwsgi|scgi|grpc)_pass$/ || w[1] == "set") {
        target = w[1] == "set" ? w[3] : w[2]
        sub(/^[a-z]+:\/\//, "", target)
        sub(/[\/:;$].*/, "", target)
        passes[server] = passes[server] " " target
        servers_passing[target] = servers_passing[target] " " server
        if (!((server, target) in place)) place[server, target] = ""
        for (i = depth; i > server_depth; i--) if (kind[i] == "location") {
            # Which location nginx would choose, only nginx knows; a prefix or an exact match will do.
            inner = block_words[i]
            if (inner !~ /^(~|~\*|@.*) ?/) {
                sub(/^(=|\^~) /, "", inner)
                place[server, target] = place[server, target] " " inner
            } else place[server, target] = place[server, target] " ~"
            break
        }
        if (i <= server_depth) place[server, target] = place[server, target] " /"
    }
}

# A directive that only says a port, and sends no request there, is no mention.
function mentions(   i, rest, asked) {
    if (w[1] ~ /^(proxy_redirect|proxy_cookie_domain|add_header|more_set_headers|log_format|valid_referers|sub_filter|if)$/) return
    for (i = 1; i <= words; i++) {
        # The apps that the word has named so far: one mention a word.
        asked = " "
        if (w[1] == "set" && i == 3 && w[i] in apps_at) asked = mention(apps_at[w[i]], i, asked)
        rest = w[i]
        while (match(rest, /:[0-9]+/)) {
            found = substr(rest, RSTART + 1, RLENGTH - 1)
            rest = substr(rest, RSTART + RLENGTH)
            if (found in apps_at) asked = mention(apps_at[found], i, asked)
        }
    }
}

# Word i names a port of these apps.
function mention(list, i, asked,   count, each, a, shown, k) {
    shown = w[1]
    for (k = 2; k <= words; k++) shown = shown " " w[k]
    gsub(/[\t\n]/, " ", shown)
    count = split(list, each, " ")
    for (a = 1; a <= count; a++) {
        if (index(asked, " " each[a] " ")) continue
        asked = asked each[a] " "
        mentions_of[each[a]] = mentions_of[each[a]] "viridian-mention=" at[i] ":" here "\t" substr(shown, 1, 200) "\n"
    }
    return asked
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

# Lua has quotes and comments of its own; its braces are balanced.
function lua_line(text) {
    gsub(/\\./, "", text)
    gsub(/"[^"]*"|'[^']*'/, "", text)
    sub(/--.*/, "", text)
    lua += gsub(/[{]/, "", text) - gsub(/[}]/, "", text)
    if (lua < 0) lua = 0
}

# Of many logs only the first are watched (visits.sh).
function log_rank(s) {
    if (!s) return 2
    return upstream[1] != "" && index(" " passes[s] " ", " " upstream[1] " ") ? 1 : 3
}

# ---- ways: which server block to ask, at which address, for which host and path ----

# For app n: a server that passes to the upstream, or one that includes locations and has one of the wanted names.
function way(n, target, wanted,   i, count, each, s, score, best, chosen, listen, is_candidate) {
    count = split(servers_for(target, wanted), each, " ")
    best = 0
    for (i = 1; i <= count; i++) {
        s = each[i] + 0
        if (s in is_candidate) continue
        is_candidate[s] = 1
        score = 0
        if (index(" " passes[s] " ", " " target " ")) score = 4
        else if (includes[s] && wanted != "" && is_named(s, wanted)) score = 1
        if (!score) continue
        if (wanted != "" && is_named(s, wanted)) score += 2
        listen = best_listen(s)
        if (listen == "") continue
        if (found_kind == "plain") score += 0.5
        # Of equals the first one in nginx's configuration.
        if (score > best || (score == best && s < chosen)) { best = score; chosen = s }
    }
    if (!chosen) return
    listen = best_listen(chosen)
    print "viridian-way=" target "\t" address_of(listen) "\t" found_kind "\t" host_of(chosen, wanted) "\t" path_of(chosen, target, path[n])
}

# The server blocks that pass to the target or have one of these names; some of them may be there several times.
function servers_for(target, wanted,   i, count, each, list) {
    list = servers_passing[target]
    count = split(wanted, each, " ")
    for (i = 1; i <= count; i++) list = list servers_named[each[i]]
    return list
}

# Of the addresses that server block s listens at, the simplest to ask: no TLS, IPv4.
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

function host_of(s, list,   i, n, name, wanted, m) {
    m = split(list, wanted, " ")
    n = split(names[s], name, " ")
    for (i = 1; i <= m; i++) if (index(" " names[s] " ", " " wanted[i] " ")) return wanted[i]
    for (i = 1; i <= n; i++) if (name[i] ~ /^[A-Za-z0-9][A-Za-z0-9.-]*$/) return name[i]
    return m ? wanted[1] : "localhost"
}

function path_of(s, target, asked,   i, n, at, first) {
    n = split(place[s, target], at, " ")
    for (i = 1; i <= n; i++) {
        if (at[i] != "~" && substr(asked, 1, length(at[i])) == at[i]) return asked
        if (first == "" && at[i] ~ /^\//) first = at[i]
    }
    return first == "" ? asked : first
}

function is_named(s, list,   i, n, wanted) {
    n = split(list, wanted, " ")
    for (i = 1; i <= n; i++) if (index(" " names[s] " ", " " wanted[i] " ")) return 1
    return 0
}

function directory(file) { sub(/\/[^\/]*$/, "", file); return file }
function basename(file) { sub(/.*\//, "", file); return file }
