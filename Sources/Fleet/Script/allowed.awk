# Which apps of a `readall` or `checkall` request an installed script may answer for. First its settings (part=settings), then the request's
# lines (part=apps). Prints each line as it came, or `!WHY NAME`, where WHY is what the settings do not have (`none`: the app) or
# have otherwise (`ports`, `assets`, `upstream`).

part == "settings" {
    at = index($0, "=")
    if (at) set[substr($0, 1, at - 1)] = set[substr($0, 1, at - 1)] substr($0, at + 1)
    next
}

NF {
    split($0, field, "\t")
    upstream = field[2]
    count = split(field[1], word, " ")
    ports = count > 2 ? word[2] " " word[3] : ""
    assets = field[1]
    if (count > 3) sub(/^[^ ]* [^ ]* [^ ]* /, "", assets)
    else assets = ""
    if (set["ports." $1] == "") print "!none " $1
    else if (ports != "" && ports != set["ports." $1]) print "!ports " $1
    else if (assets != "" && assets != set["assets." $1]) print "!assets " $1
    else if (upstream != "" && upstream != set["upstream." $1]) print "!upstream " $1
    else print
}
