# Reads what `nginx -T` prints: every file of the configuration behind a line `# configuration file PATH:`. For any awk.
#
# It prints nginx's own messages, the first lines of the app's file, and of everything else
#   viridian-files                            once, before the first file
#   viridian-include=PATTERN
#   viridian-log=PATH of an error log, at the end: those of servers that pass to the upstream first, then those of all servers
#   viridian-mention=LINE:PATH<tab>TEXT       a directive that names one of the two ports
#   viridian-way=UPSTREAM<tab>ADDRESS<tab>PORT<tab>KIND<tab>HOST<tab>PATH
#                                             how nginx can be asked for something of that upstream's; KIND is plain, tls,
#                                             plain-proxy or tls-proxy (the proxy protocol)
#   viridian-status=STATUS                    the line that configuration.sh adds at the end
#
# Variables: base and own (names of the app's file: by configuration, and the file itself), blue and green (the ports),
# upstream, hosts and preview (host names of the app and of its preview), path (what to ask for).
#
# It follows nginx's own grammar, but forgives errors, since nginx has accepted what it prints. A server block whose
# locations come from included files does not show what it passes on; it is asked only where it has one of the app's names.

BEGIN {
    port = "(" blue "|" green ")"
    mention = ":" port "([^0-9]|$)"
    here = ""
    inside["\""] = "^([^\"\\\\]|\\\\.)*\""
    inside["'"] = "^([^'\\\\]|\\\\.)*'"
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
    for (rank = 1; rank <= 3; rank++)
        for (l = 1; l <= log_count; l++) if (log_rank(log_server[l]) == rank) print "viridian-log=" error_logs[l]
    if (upstream == "") exit
    way(upstream, hosts)
    # Other upstreams of the app's file that have both colours: the app's under other names.
    for (u = 1; u <= upstream_count; u++) {
        name = upstreams[u]
        if (name == upstream || name ~ /-preview$/ || has_other[name]) continue
        if (!is_tail(file_of[name], base) && !is_tail(file_of[name], own)) continue
        if (has_blue[name] && has_green[name]) way(name, hosts)
    }
    if (preview != "") way(upstream "-preview", preview)
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
            if (inner == blue) has_blue[upstream_name] = 1
            else if (inner == green) has_green[upstream_name] = 1
            else has_other[upstream_name] = 1
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
        for (i = 2; i <= words; i++) names[server] = names[server] " " w[i]
    if (w[1] ~ /^(proxy|fastcgi|uwsgi|scgi|grpc)_pass$/ || w[1] == "set") {
        target = w[1] == "set" ? w[3] : w[2]
        sub(/^[a-z]+:\/\//, "", target)
        sub(/[\/:;$].*/, "", target)
        passes[server] = passes[server] " " target
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
function mentions(   i, shown) {
    if (blue == "" || w[1] ~ /^(proxy_redirect|proxy_cookie_domain|add_header|more_set_headers|log_format|valid_referers|sub_filter|if)$/) return
    for (i = 1; i <= words; i++) if (w[i] ~ mention || (w[1] == "set" && i == 3 && (w[i] == blue || w[i] == green))) {
        shown = w[1]
        for (k = 2; k <= words; k++) shown = shown " " w[k]
        gsub(/[\t\n]/, " ", shown)
        print "viridian-mention=" at[i] ":" here "\t" substr(shown, 1, 200)
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
    return upstream != "" && (" " passes[s] " ") ~ (" " literal(upstream) " ") ? 1 : 3
}

# ---- ways: which server block to ask, at which address, for which host and path ----

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

function host_of(s,   i, n, name, wanted, m) {
    m = split(hosts, wanted, " ")
    n = split(names[s], name, " ")
    for (i = 1; i <= m; i++) if ((" " names[s] " ") ~ (" " literal(wanted[i]) " ")) return wanted[i]
    for (i = 1; i <= n; i++) if (name[i] ~ /^[A-Za-z0-9][A-Za-z0-9.-]*$/) return name[i]
    return m ? wanted[1] : "localhost"
}

function path_of(s, target,   i, n, at, first) {
    n = split(place[s, target], at, " ")
    for (i = 1; i <= n; i++) {
        if (at[i] != "~" && substr(path, 1, length(at[i])) == at[i]) return path
        if (first == "" && at[i] ~ /^\//) first = at[i]
    }
    return first == "" ? path : first
}

function is_named(s, list,   i, n, wanted) {
    n = split(list, wanted, " ")
    for (i = 1; i <= n; i++) if ((" " names[s] " ") ~ (" " literal(wanted[i]) " ")) return 1
    return 0
}

function literal(name) { gsub(/[.]/, "[.]", name); return name }
function directory(path) { sub(/\/[^\/]*$/, "", path); return path }
function is_tail(path, tail) { return path == tail || substr(path, length(path) - length(tail)) == "/" tail }
