# shellcheck shell=sh disable=SC3013 # dash, busybox ash and bash all know -ef
# nginx's whole configuration, as `nginx -T` prints it, read by configuration.awk: whether the app's file is part of
# it, which other lines name a colour's port, and how a visitor's request comes to the app (a "way").
#
# For other parts: test_inclusion, configuration_command, app_line, print_configuration, read_configuration, configuration_line,
# read_ways; $included, $included_there, $mentions, $ways, $logs

# Tests the configuration, and reads all of it where the test command is nginx's own: -T prints every file that is
# part of it. A file that nginx does not include could be switched without any effect. Other commands than nginx's own
# are only run as they are.
test_inclusion() {
    included=unknown mentions='' ways='' logs=''
    if configuration_command; then
        own_line=$(app_line)
        read_configuration <<LINES
$(print_configuration "$own_line")
LINES
        if [ "$tested" = 0 ]; then
            # For a release only: a check of the node does not say which ports and hosts the app has.
            [ "$action" != stage ] || { printf '%s' "$ways$logs" >"$state/$app.ways"; } 2>/dev/null
            return 0
        fi
        included=unknown mentions=''
    fi
    [ "$action" != stage ] || rm -f "$state/$app.ways" 2>/dev/null
    test_configuration
}

# The command that prints nginx's configuration, in $printing. Fails where the test command is not nginx's own.
configuration_command() {
    case $test_command in
    'nginx -t'* | */nginx\ -t* | nginx\ *\ -t* | */nginx\ *\ -t*)
        printing="${test_command% -t*} -T${test_command##* -t}"
        ;;
    *) return 1 ;;
    esac
}

# The app as configuration.awk looks for it.
app_line() {
    printf 'viridian-app=%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$app.conf" "${file##*/}" "${pair% *}" "${pair#* }" \
        "$upstream" "$hosts" "$preview" "$path"
}

# What configuration.awk finds of the apps $1 in the output of the command $printing. (A shell that searches a long text itself
# takes time by the square of its length.)
print_configuration() {
    {
        printf '%s\n' "$1"
        sh -c "$printing" </dev/null 2>&1 9>&-
        printf 'viridian-status=%s\n' "$?"
    } | awk "$configuration_awk"
}

# The lines of configuration.awk on standard input.
read_configuration() {
    included=unknown tested='' test_output='' included_there=''
    while IFS= read -r line; do configuration_line; done
}

# One of them, in $line. The app's file is recognised by whichever path nginx came to it.
configuration_line() {
    case $line in
    'nginx: '*) test_output=$test_output$line$newline ;;
    'viridian-status='*) tested=${line#*=} ;;
    'viridian-include='*"${backends##*/}/"*) included_there=yes ;;
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
}

# What the last reading of the configuration found on this node, for whichever request.
read_ways() {
    ways='' logs=''
    {
        while IFS= read -r line; do
            case $line in
            viridian-way=*) ways=$ways$line$newline ;;
            viridian-log=*) logs=$logs$line$newline ;;
            esac
        done <"$state/$app.ways"
    } 2>/dev/null
}
