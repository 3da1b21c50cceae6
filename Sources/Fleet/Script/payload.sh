# shellcheck shell=sh
# What a request brings beyond its arguments: the old and new text of the app's nginx file, URLs, the apps of `readall` and
# `checkall`. See NodePayload.swift.
#
# For other parts: read_payload, decode_payload, clear_payload; $old, $new, $url, $sumurl, $apps

clear_payload() { coded='' plain='' old='' new='' url='' sumurl='' apps='' section=''; }

clear_payload

# Reads standard input up to a line `=end`, unless a session has read it already. Input that was cut off on its way
# has no such line.
read_payload() {
    [ -z "$plain$coded" ] || return 0
    while IFS= read -r line; do
        [ "$line" != '=end' ] || return 0
        payload_line
    done
    fact truncated input
    finish
}

# One line, in $line.
payload_line() {
    case $plain$line in
    =plain) plain=yes ;;
    yes*) section_line ;;
    *) coded=$coded$line$newline ;;
    esac
}

# Decodes what came in base64.
decode_payload() {
    [ -n "$coded" ] || return 0
    text=$(
        base64 -d <<PAYLOAD
$coded
PAYLOAD
    )
    coded=
    while IFS= read -r line; do section_line; done <<TEXT
$text
TEXT
}

# Sections, each behind a line `=NAME`; their lines are `|TEXT`, or `/TEXT` for a last line without a line feed.
section_line() {
    case $line in
    '|'*) line=${line#?}$newline ;;
    /*) line=${line#?} ;;
    *)
        section=$line
        return
        ;;
    esac
    case $section in
    =old) old=$old$line ;;
    =new) new=$new$line ;;
    =url) url=$url$line ;;
    =sum) sumurl=$sumurl$line ;;
    =apps) apps=$apps$line ;;
    esac
}
