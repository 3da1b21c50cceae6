# shellcheck shell=sh
# receive: a piece of an artifact that comes with the requests themselves.

# In bytes, as ArtifactPlan.sizeLimit in Swift.
most_received=67108864

act_receive() {
    state_directory
    lock "$app.stage"
    fence
    stop_if_late
    releases_of_version
    part=$releases/.$version.$token.part
    problem=$(mkdir -p "$releases" 2>&1) || { fact unwritable "$problem"; finish; }
    check_owners
    [ $((offset + ${size:-0})) -le "$most_received" ] || { fact misused "offset=$offset size=$size"; exit 64; }
    [ "$offset" -gt 0 ] || rm -f "$part"
    found=$(wc -c 2>/dev/null <"$part")
    [ $((${found:-0})) -eq "$offset" ] || { fact received $((${found:-0})); finish; }
    output=$(sed -n -e '/^=end$/q' -e p | base64 -d 2>&1 >>"$part")
    found=$(wc -c 2>/dev/null <"$part")
    if [ $((${found:-0})) -ne $((offset + size)) ]; then
        rm -f "$part"
        problem=${output:-the file was cut off on its way}
        fact artifact failed
        facts said "$problem"
        finish
    fi
    fact received $((found))
}
