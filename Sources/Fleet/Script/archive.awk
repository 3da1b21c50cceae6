# Whether tar could be led out of the directory to which it unpacks an archive. Reads the two listings of the archive, the
# names (tar -t) and what they are (tar -tv), and prints the first bad name with the reason, or nothing. Of the second
# listing only the first column counts: owner, group, time and target are free text. GNU tar and busybox's (since 1.28) see
# to it by themselves; older ones write through a link that they have just made.

NR == FNR { names[++total] = $0; next }

{
    name = names[++row]
    if (name ~ /^\//) bad("an absolute name")
    if (name ~ /(^|\/)\.\.(\/|$)/) bad("a name with ..")
    if ($0 ~ /^[bcps]/) bad("neither a file nor a directory nor a link")
    # busybox prints a line break in a name as it is: the rest of the name has a line of its own in both listings.
    if ($0 !~ /^[A-Za-z-][-rwxsStT]+[.+*@]? / || (length(name) > 9 && index($0, name) == 1)) bad("a line break in a name")
    path = plain(name)
    if ($0 !~ /^d/) ends[path] = 1
    # What becomes of the two differs between tars, and with GNU's from run to run.
    if (path in seen && (path in links || $0 ~ /^[lh]/)) bad("a link and something else of the same name")
    if ($0 ~ /^[lh]/) links[path] = 1
    seen[path] = 1
}

END {
    if (found) exit
    if (row != total) { print "names with line breaks"; exit }
    for (i = 1; i <= total; i++) {
        name = names[i]
        path = plain(name)
        while ((slash = match(path, /\/[^\/]*$/))) {
            path = substr(path, 1, slash - 1)
            if (path in ends) bad("leads through " path ", which is no directory")
        }
    }
}

function bad(why) { print name ": " why; found = 1; exit }

# The path without ./, // and a slash at its end.
function plain(path) {
    while (sub(/\/\.\//, "/", path)) {}
    sub(/^(\.\/+)+/, "", path)
    gsub(/\/+/, "/", path)
    sub(/\/\.?$/, "", path)
    return path
}
