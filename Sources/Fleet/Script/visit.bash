# shellcheck shell=bash
# One HTTP request, for visits.sh: connects to host $1, port $2, sends the text $3 and prints the status of the answer.

exec 3<>"/dev/tcp/$1/$2" || exit
printf %s "$3" >&3
IFS=' ' read -r _ code _ <&3
printf %s "$code"
