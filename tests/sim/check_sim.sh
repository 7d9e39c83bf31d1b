#!/bin/sh
# check_sim.sh SIM: the simulator itself. The same seed gives the same trace, bit for bit; another seed another one; and a provider that
# sends each message twice is noticed, whatever the daemon does. And every mutant's patch still fits the tree: else it would take nothing away.
set -u
sim=$1
root=$(cd "$(dirname "$0")/../.." && pwd)

command -v patch >/dev/null || { echo "install patch"; exit 1; }
for mutant in "$root"/tests/sim/mutants/*.patch; do
	patch -d "$root" -p1 -s -F0 --dry-run -r - <"$mutant" >/dev/null 2>&1 || { echo "$mutant does not apply"; exit 1; }
done

trace() { "$sim" --seed "$1" --hash | sed -n 's/.*trace //p'; }

three=$(trace 3)
[ -n "$three" ] || { echo "seed 3 has no trace"; exit 1; }
[ "$three" = "$(trace 3)" ] || { echo "seed 3: two runs, two traces"; exit 1; }
[ "$three" != "$(trace 12)" ] || { echo "two seeds, one trace"; exit 1; }
out=$("$sim" --seed 3 --double)
[ $? -eq 1 ] || { echo "a provider that sends everything twice goes unnoticed"; exit 1; }
echo "$out" | grep -q 'nothing is sent twice' || { echo "noticed, but as something else: $out"; exit 1; }
