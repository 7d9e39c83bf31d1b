#!/bin/sh
# check_sim.sh SIM: the simulator itself. The same seed gives the same trace, bit for bit; another seed another one; and a provider that
# sends each message twice is noticed, whatever the daemon does.
set -u
sim=$1

trace() { "$sim" --seed "$1" --hash | sed -n 's/.*trace //p'; }

for seed in 3 12; do
	first=$(trace $seed)
	[ -n "$first" ] || { echo "seed $seed has no trace"; exit 1; }
	[ "$first" = "$(trace $seed)" ] || { echo "seed $seed: two runs, two traces"; exit 1; }
done
[ "$(trace 3)" != "$(trace 12)" ] || { echo "two seeds, one trace"; exit 1; }
out=$("$sim" --seed 3 --double)
[ $? -eq 1 ] || { echo "a provider that sends everything twice goes unnoticed"; exit 1; }
echo "$out" | grep -q 'nothing is sent twice' || { echo "noticed, but as something else: $out"; exit 1; }
