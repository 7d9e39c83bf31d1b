#!/bin/sh
# check_practice.sh: each row of the table in README.md is upstream of us, or has a story in tests/integration of its number, row_N_... or
# rows_M_N_..., that is run and whose file the row names, by its letter or as `test_...`; and each heading of the complaints has its test,
# complaint_N_.... Says which has none; exit 1 if there is one.
set -eu
cd "$(dirname "$0")/.."
failed=0

# "42 tests/integration/test_practice.c" for each number of a test that stands in a table to be run, of those that begin with $1.
numbers() {
	for file in tests/integration/test_*.c; do
		sed -n "s/^static void \\($1_[0-9][a-z0-9_]*\\)(.*/\\1/p" "$file" | while read -r name; do
			grep -v '^static void' "$file" | grep -q "[(, ]$name[,)]" || continue
			echo "$name" | sed "s/^$1_//" | tr '_' '\n' | awk -v file="$file" '/^[0-9]+$/ { print $0, file; next } !/^and$/ { exit }'
		done
	done
}

numbers 'rows\{0,1\}' | awk -v table=README.md '
	function say(what) { print what; bad = 1 }
	{ files[$1] = files[$1] " " $2 }
	END {
		while ((getline line <table) > 0) {
			for (rest = line; match(rest, /[A-Z] = `test_[a-z_]*[.]c`/); rest = substr(rest, RSTART + RLENGTH)) {
				one = substr(rest, RSTART, RLENGTH)
				letter["tests/integration/" substr(one, 6, length(one) - 6)] = substr(one, 1, 1)
			}
			if (line !~ /^[|] [0-9]+ [|]/ || split(line, cell, / [|] /) < 4)
				continue
			row = substr(cell[1], 3)
			shown = line
			sub(/^.* [|] /, " ", shown)
			count++
			if (shown ~ /^ upstream/)
				continue
			found = 0
			n = split(files[row], file, " ")
			for (i = 1; i <= n; i++) {
				name = file[i]
				gsub(/^.*\/|[.]c$/, "", name)
				found += index(shown, "`" name "`") > 0 || (file[i] in letter && shown ~ ("[ ;]" letter[file[i]] "[;:, ]"))
			}
			if (!n)
				say("row " row " of " table ": no story row_" row "_... is run")
			else if (!found)
				say("row " row " of " table " does not name the file of its test:" files[row])
		}
		if (count != 52)
			say(table " has " (count + 0) " rows, not 52")
		exit bad
	}' || failed=1

# "| 9 money errors | `complaint_9_...` | ...": the numbers from 1 to 18, each once.
numbers complaint | awk -v table=README.md '
	function say(what) { print what; bad = 1 }
	$2 == "tests/integration/test_complaints.c" { shown[$1]++ }
	END {
		while ((getline line <table) > 0) {
			if (line !~ /^[|] [0-9]+ [^|]+ [|] `complaint_/)
				continue
			split(line, word, " ")
			count++
			if (word[2] != count || index(line, "| `complaint_" count "_...` |") == 0)
				say("complaint " count " of " table ": this heading stands in its place: " line)
			if (!shown[count])
				say("complaint " count " of " table ": no test complaint_" count "_... is run")
		}
		if (count != 18)
			say(table " has " (count + 0) " complaints, not 18")
		exit bad
	}' || failed=1
exit $failed
