# Which apps of a `readall` request an installed script may answer for. First its settings (part=settings), then the request's
# lines (part=apps). Prints each line as it came, or `!WHY NAME`, where WHY is what the settings do not have (`none`: the app) or
# have otherwise (`ports`, `assets`).

part == "settings" {
    at = index($0, "=")
    if (at) set[substr($0, 1, at - 1)] = set[substr($0, 1, at - 1)] substr($0, at + 1)
    next
}

NF {
    ports = NF > 2 ? $2 " " $3 : ""
    assets = $0
    if (NF > 3) sub(/^[^ ]* [^ ]* [^ ]* /, "", assets)
    else assets = ""
    if (set["ports." $1] == "") print "!none " $1
    else if (ports != "" && ports != set["ports." $1]) print "!ports " $1
    else if (assets != "" && assets != set["assets." $1]) print "!assets " $1
    else print
}
