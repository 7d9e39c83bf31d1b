#!/bin/sh
# check_log.sh: every line of the log that somebody must act on has a message id, and every id has its entry in systemd's catalogue.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
catalog=$root/systemd/dunningd.catalog
failed=0

complain() {
	echo "$*"
	failed=1
}

# Lines of warnings and worse that need none: the file, how the text begins, and why nobody looks them up.
exempt() {
	cat <<-'EOF'
		instance_partitions.c|"dunner", p->number, reason|the next line, ENDS, is about the same
		instance.c|"signer", "%s"|the next line, ENDS, is about the same
		recover.c|"recover: %s: nothing is released until|it ends by itself; what cannot be redone is PARTITION_REFUSED
		reconciler.c|"reconciler: attempt %s: its bytes cannot be sent again|it counts as a try: other means get their turn, and then a task
		dashboard_do.c|"dashboard: a command is no event|whoever typed it is told
	EOF
}

lines=$(cd "$root/daemon" && grep -E 'LOG_(EMERG|ALERT|CRIT|ERR|WARNING)' ./*.c | grep -v 'MSG(' | sed 's|^\./||')
while IFS='|' read -r file text _; do
	case $lines in *"$file:"*"$text"*) ;; *) complain "check_log.sh: $file has no line $text without an id any more" ;; esac
	lines=$(echo "$lines" | awk -v file="$file:" -v text="$text" '!(index($0, file) == 1 && index($0, text))')
done <<EOF
$(exempt)
EOF
[ -z "$lines" ] || complain "lines that somebody must act on, without MSG(): $lines"

for id in $(sed -n 's/^\t\[MSG_[A-Z_]*\] = "\(.*\)",$/\1/p' "$root/daemon/log_id.c") $(sed -n 's/^-- //p' "$catalog"); do
	grep -q "\"$id\"" "$root/daemon/log_id.c" && [ "$(grep -c "^-- $id$" "$catalog")" -eq 1 ] ||
		complain "message $id is not once in the daemon and once in the catalogue"
done
for name in $(sed -n '/^enum log_id/,/^};/s/^\tMSG_\([A-Z_]*\),$/\1/p' "$root/daemon/log_id.h" | grep -v -x 'NONE\|COUNT'); do
	grep -q "^	\[MSG_$name\] = \"[0-9a-f]\{32\}\",$" "$root/daemon/log_id.c" || complain "$name has no id"
	grep -q "MSG($name)" "$root"/daemon/*.c || complain "nobody says $name"
done
exit $failed
