# shellcheck shell=sh
# The app's nginx file: finding, reading, reporting and replacing it.
#
# For other parts: find_file, read_text, text_facts, file_facts, read_file, file_answer, refuse_zero_byte, write_file; $file, $text,
# $present

# The file itself in $file, also where a symbolic link points to it.
find_file() {
    file=$backends/$app.conf
    if [ -L "$file" ]; then file=$(readlink -f "$file") || file=$backends/$app.conf; fi
    new_file=${file%/*}/.${file##*/}.viridian
}

# The content of the file $1 in $text. (Without bytes 0: nginx has no use for one, and such a file is refused.)
read_text() {
    text='' lines=0 long=''
    {
        while IFS= read -r line; do
            text=$text$line$newline
            lines=$((lines + 1))
            [ "${#line}" -lt 8000 ] || long=yes
            [ "$lines" -le 500 ] || break
        done
    } 2>/dev/null <"$1" || return 1
    if [ "$lines" -gt 500 ]; then
        text=$(cat "$1" 2>/dev/null && echo .) || return 1
        text=${text%.} line='' long=yes
    fi
    [ "${#line}" -lt 8000 ] || long=yes
    text=$text$line
}

# The text $2 as facts with the key $1: printable lines as they are, anything else in base64.
text_facts() {
    case $long$2 in
    yes* | *[!\ -~$tab$newline]*) facts "${1}_base64" "$(printf %s "$2" | base64)" ;;
    *)
        facts "$1" "$2"
        case $2 in '' | *"$newline") ;; *) fact "${1}_ends" inside ;; esac
        ;;
    esac
}

# What is in the file: $present is yes, no or unreadable.
file_facts() {
    read_file
    file_answer
}

read_file() {
    find_file
    present=no text='' unreadable=''
    [ -e "$file" ] || return 0
    if [ -f "$file" ] && read_text "$file"; then
        present=yes
        return 0
    fi
    present=unreadable unreadable='it is not a regular file'
    [ ! -f "$file" ] || unreadable=$(cat "$file" 2>&1 >/dev/null)
}

file_answer() {
    fact path "$file"
    case $present in
    no) fact file missing ;;
    yes)
        fact file present
        text_facts text "$text"
        ;;
    unreadable)
        fact file unreadable
        fact said "$unreadable"
        ;;
    esac
}

# A shell variable cannot hold a byte 0, so a file with one cannot be edited.
refuse_zero_byte() {
    [ "$present" = yes ] || return 0
    bytes=$(wc -c <"$file")
    [ $((bytes)) -eq "${#text}" ] && return
    present=unreadable
    fact file unreadable
    fact said 'it contains a byte 0'
}

# Replaces the file by the text $1: writes it beside the file, to the disk, reads it back, then renames it. Owner,
# mode and labels stay. With $2, only if the request is still in time.
write_file() {
    problem=$(
        {
            { [ ! -e "$new_file" ] || rm -f "$new_file"; } && { [ ! -e "$file" ] || cp -a "$file" "$new_file"; } &&
                printf %s "$1" >"$new_file" && { sync "$new_file" 2>/dev/null || sync; } &&
                read_text "$new_file" || exit 1
            [ "$text" = "$1" ] || { echo 'what was read back is not what was written: the disk may be full'; exit 1; }
            [ -z "$2" ] || in_time || exit 2
            mv -f "$new_file" "$file"
        } 2>&1
    )
    written_status=$?
    [ "$written_status" = 0 ] && return
    rm -f "$new_file" 2>/dev/null
    return 1
}
