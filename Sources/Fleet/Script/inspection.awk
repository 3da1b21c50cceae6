# Reads what `nginx -T` prints, for inspect.sh. For any awk.
#
# Without `roots` it prints, as facts:
#   conf=0<tab>PATH           a file of the configuration; its lines follow
#   conf=LINE<tab>TEXT        a line of it that is neither empty nor a comment
#   said=TEXT                 a message of nginx
#   cut=COUNT                 how many lines are left out, of a configuration that is very long
#   test=ok, test=failed      whether nginx accepts it
#
# With `roots` it prints the directories DIR of which nginx serves files below DIR/current, each once.

BEGIN { most = 15000 }

/^# configuration file .*:$/ {
    line = 0
    inside = 1
    if (!roots) print "conf=0\t" substr($0, 22, length($0) - 22)
    next
}

/^viridian-status=/ {
    if (roots) exit
    if (cut) print "cut=" cut
    print ($0 == "viridian-status=0" ? "test=ok" : "test=failed")
    next
}

/^nginx: / { if (!roots) print "said=" $0; next }

!inside { next }

{ line++; sub(/\r$/, "") }

/^[ \t]*(#|$)/ { next }

roots {
    if (match($0, /(^|[ \t;{])(root|alias)[ \t]+["']?\/[^ \t;"']*/)) {
        place = substr($0, RSTART, RLENGTH) "/"
        sub(/^[^\/]*/, "", place)
        if (match(place, /\/current\//)) {
            place = substr(place, 1, RSTART - 1)
            if (place != "" && !seen[place]++) print place
        }
    }
    next
}

++printed > most { cut++; next }

{ print "conf=" line "\t" $0 }
