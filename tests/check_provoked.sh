#!/bin/sh
# check_provoked.sh: each alert is shown by a daemon to which a test did what the alert is about, each number that its rule asks for: a line of
# tests/integration that says world_fires(..., "ALERT", "NUMBER...", or scrape_fires. (check_alerts.sh tries the rules, by series made by hand, which
# a number that is never set passes.) Says what is missing; exit 1 if anything is.
set -eu
cd "$(dirname "$0")/.."

# What cannot be shown so, and why.
explained='
DunningdDown up: Prometheus itself says it
DunningdStalls dunningd_loop_stall_seconds_count: a_pause_is_a_stall of test_metrics.c holds it against the next one, in the same answer
DunningdStalls dunningd_loop_stall_seconds_bucket: likewise
DunningdMetricsLeftOut dunningd_metrics_left_out_total: no configuration may be so large; tests/unit/test_metrics.c
'

{
	echo "$explained" | sed -n 's/^\(Dunningd[A-Za-z]* [a-z_]*\): .*/explained \1/p'
	sed -n 's/.*\(world\|scrape\)_fires[a-z_]*(.*"\(Dunningd[A-Za-z]*\)", "\([a-z_]*\).*/shown \2 \3/p' tests/integration/test_*.c
} | awk -v rules=daemon/share/monitoring/dunningd.rules.yml '
	function say(what) { print what; bad = 1 }
	# The numbers of an expression; one that a rule records stands for its own.
	function wants(text,    name) {
		while (match(text, /(dunningd[a-z_0-9:]+|(^|[^a-z_])up[{])/)) {
			name = substr(text, RSTART, RLENGTH)
			sub(/^[^a-z]*up[{]$/, "up", name)
			text = substr(text, RSTART + RLENGTH)
			if (name in recorded)
				wants(recorded[name])
			else if (name ~ /^up$|_/)
				wanted[alert " " name] = 1
		}
	}
	function end_rule() {
		if (record != "")
			recorded[record] = expr
		if (alert != "")
			wants(expr)
		record = alert = expr = ""
	}
	{ told[$2 " " $3] = $1 }
	END {
		while ((getline line <rules) > 0) {
			if (line ~ /^ *#/)
				continue
			if (line ~ /^ *- (alert|record|name): /) {
				end_rule()
				inside = 0
				split(line, part, ": ")
				if (line ~ /alert:/)
					alert = part[2]
				if (line ~ /record:/)
					record = part[2]
			}
			if (line ~ /^ *expr:/)
				inside = 1
			else if (line ~ /^ *(for|labels|annotations):/)
				inside = 0
			if (inside)
				expr = expr " " line
		}
		end_rule()
		for (one in wanted) {
			n++
			if (!(one in told))
				say("no test provokes " one)
		}
		for (one in told)
			if (!(one in wanted))
				say(one " is " told[one] ", and no rule asks for it")
		if (n < 30)
			say("only " n " numbers are found in the rules")
		exit bad
	}'
