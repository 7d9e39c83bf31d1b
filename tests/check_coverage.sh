#!/bin/sh
# check_coverage.sh [MINIMUM]: builds with gcov in .build/coverage, runs the unit tests and a few seeds of the simulator, and prints
# the line coverage of common/ for each file and in all. Exit 1 when a test fails or the total is under MINIMUM (90) per cent.
set -eu
cd "$(dirname "$0")/.."
minimum=${1:-90}
build=.build/coverage
log=$build.log

mkdir -p .build
cmake --preset coverage >"$log" 2>&1 || { cat "$log"; exit 1; }
cmake --build --preset coverage --target inside >"$log" 2>&1 || { grep -E 'error|warning|FAILED' "$log" | head -40; exit 1; }
find "$build" -name '*.gcda' -delete # of earlier runs
ctest --test-dir "$build" -L unit -j "$(nproc)" --output-on-failure >"$log" 2>&1 || { tail -n 60 "$log"; exit 1; }
# One process a seed: children of --seeds leave without writing their counts.
for seed in 1 2 3; do
	"$build"/tests/sim --seed $seed >>"$log" 2>&1 || { tail -n 5 "$log"; exit 1; }
done

# From the .gcno files, so that what never ran counts as well.
objects=$build/CMakeFiles/dunningd_core.dir/common
for notes in "$objects"/*.gcno; do
	gcov -n -o "$objects" "$notes" 2>/dev/null
done | awk -v minimum="$minimum" '
	/^File / {
		file = $2
		gsub(/\047/, "", file)
		wanted = file ~ /common\/[a-z0-9_]+\.c$/
		sub(/.*common\//, "common/", file)
	}
	/^Lines executed:/ && wanted {
		split($0, part, /[:% ]+/)
		lines = part[5]
		ran = int(part[3] * lines / 100 + 0.5)
		printf "%-28s %5d of %5d lines  %6.2f %%\n", file, ran, lines, part[3]
		all += lines
		all_ran += ran
		wanted = 0
	}
	END {
		if (!all) {
			print "no coverage data found"
			exit 1
		}
		total = 100 * all_ran / all
		printf "%-28s %5d of %5d lines  %6.2f %%\n", "common/ in all", all_ran, all, total
		if (total < minimum) {
			printf "under %s %%\n", minimum
			exit 1
		}
	}'
