#!/bin/sh
# check_practice.sh: each row of daemon/PRACTICE.md that is not upstream has a story in tests/integration that names it, row_N_... or
# rows_N_M_..., and is run. Names those without; exit 1 if there are any.
set -eu
cd "$(dirname "$0")/.."

sed -n 's/^| \([0-9][0-9]*\) | .*/&/p' daemon/PRACTICE.md | grep -v '| upstream' | sed 's/^| \([0-9]*\) .*/\1/' | sort -n | uniq | {
	count=0
	missing=
	while read -r row; do
		count=$((count + 1))
		# The table in main() names it, so that it is run.
		grep -Eq "^[[:space:]].*[( ]rows?_([0-9]+_)*${row}_[a-z0-9_]*[,)]" tests/integration/test_*.c || missing="$missing $row"
	done
	if [ "$count" -lt 50 ]; then
		echo "only $count rows were found in daemon/PRACTICE.md"
		exit 1
	fi
	if [ -n "$missing" ]; then
		echo "rows of daemon/PRACTICE.md without a test that names it:$missing"
		exit 1
	fi
}
