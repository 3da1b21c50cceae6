# shellcheck shell=sh disable=SC3013 # dash, busybox ash and bash all know -ef
# nginx's whole configuration, as `nginx -T` prints it, read by configuration.awk: whether the app's file is part of
# it, which other lines name a colour's port, and how a visitor's request comes to the app (a "way").
#
# For other parts: test_inclusion, read_ways; $included, $mentions, $ways, $logs

# Tests the configuration, and reads all of it where the test command is nginx's own: -T prints every file that is
# part of it. A file that nginx does not include could be switched without any effect. Other commands than nginx's own
# are only run as they are.
test_inclusion() {
    included=unknown mentions='' ways='' logs=''
    case $test_command in
    'nginx -t'* | */nginx\ -t* | nginx\ *\ -t* | */nginx\ *\ -t*)
        read_configuration <<LINES
$(print_configuration "${test_command% -t*} -T${test_command##* -t}")
LINES
        if [ "$tested" = 0 ]; then
            # For a release only: a check of the node does not say which ports and hosts the app has.
            [ "$action" != stage ] || { printf '%s' "$ways$logs" >"$state/$app.ways"; } 2>/dev/null
            return 0
        fi
        included=unknown mentions=''
        ;;
    esac
    [ "$action" != stage ] || rm -f "$state/$app.ways" 2>/dev/null
    test_configuration
}

# What configuration.awk finds in the output of the command $1. (A shell that searches a long text itself takes time
# by the square of its length.)
print_configuration() {
    {
        sh -c "$1" </dev/null 2>&1 9>&-
        printf 'viridian-status=%s\n' "$?"
    } | awk -v base="$app.conf" -v own="${file##*/}" -v blue="${pair% *}" -v green="${pair#* }" \
        -v upstream="$upstream" -v hosts="$hosts" -v preview="$preview" -v path="$path" "$configuration_awk"
}

# The lines of configuration.awk on standard input. The app's file is recognised by whichever path nginx came to it.
read_configuration() {
    included=unknown tested='' test_output='' included_there=''
    while IFS= read -r line; do
        case $line in
        'nginx: '*) test_output=$test_output$line$newline ;;
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
