#!/bin/sh
# check_alerts.sh: the rules are Prometheus's language, each alert fires when it is provoked, and rules and dashboard speak of numbers that the
# daemon has. Without promtool only the last is checked, unless CI is set.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
rules=$root/daemon/share/monitoring/dunningd.rules.yml
board=$root/daemon/share/monitoring/dunningd.dashboard.json
failed=0

complain() {
	echo "$*"
	failed=1
}

# As instance_metrics.c calls them; a counter ends in _total, a histogram in three ways.
known=$(sed -n 's/.*ROW("\([a-z_0-9]*\)", \([A-Z]*\),.*/\1 \2/p' "$root/daemon/instance_metrics.c" | while read -r name type; do
	case $type in
	COUNTER) echo "dunningd_${name}_total" ;;
	HISTOGRAM) printf 'dunningd_%s_%s\n' "$name" bucket "$name" count "$name" sum ;;
	*) echo "dunningd_$name" ;;
	esac
done)
for name in $(grep -v '^ *#' "$rules" | grep -o 'dunningd_[a-z_0-9]*' | sort -u) $(grep -o 'dunningd_[a-z_0-9]*' "$board" | sort -u); do
	case $name in dunningd_recorded | dunningd_running | dunningd_sending | dunningd_inbound | dunningd_trail | dunningd_time_and_law) continue ;; esac
	echo "$known" | grep -q -x "$name" || complain "the daemon has no number called $name"
done
for name in $(grep -o 'dunningd:[a-z_0-9:]*' "$board" | sort -u); do
	grep -q -x " *- record: $name" "$rules" || complain "no rule records $name"
done

for alert in $(sed -n 's/^ *- alert: //p' "$rules"); do
	grep -q -x "  - name: $alert" "$root/tests/metrics/alerts.yml" || complain "no test provokes $alert"
done
[ "$(grep -c '^ *- alert:' "$rules")" -eq "$(grep -c '^ *action: ' "$rules")" ] || complain "an alert does not say what to do"

if command -v promtool >/dev/null; then
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT INT TERM
	cp "$rules" "$root/tests/metrics/alerts.yml" "$dir"
	(cd "$dir" && promtool check rules dunningd.rules.yml && promtool test rules alerts.yml) >"$dir/said" 2>&1 || { cat "$dir/said"; failed=1; }
elif [ -n "${CI:-}" ]; then
	complain "promtool is not installed"
else
	echo "promtool is not installed: the rules were not tried"
fi
exit $failed
