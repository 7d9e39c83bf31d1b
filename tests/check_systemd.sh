#!/bin/sh
# check_systemd.sh BINARY UNITS: the units, as built into the folder UNITS, are understood by systemd without a word, and harden
# the service as far as its work allows. Exit 77: skipped.
set -eu
binary=$1
units=$2
threshold=12 # of 100: an exposure of 1.2

if ! command -v systemd-analyze >/dev/null; then
	echo "skipped: systemd-analyze is not installed"
	[ -z "${CI:-}" ] && exit 77
	echo "CI has to have it" >&2
	exit 1
fi

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT INT TERM
failed=0

for unit in dunningd.service dunningd@.service; do
	# verify wants the program where ExecStart= says; everything else stays as it is installed.
	sed "s|^ExecStart=[^ ]*|ExecStart=$binary|" "$units/$unit" >"$dir/$unit"
	instance=$(echo "$unit" | sed 's/@/@acme/')
	[ "$instance" = "$unit" ] || cp "$dir/$unit" "$dir/$instance"

	# It ends with 0 even for an unknown key, and only says so.
	if ! systemd-analyze verify --man=no "$dir/$instance" >"$dir/said" 2>&1 || [ -s "$dir/said" ]; then
		echo "systemd-analyze verify $unit:"
		cat "$dir/said"
		failed=1
	fi
	if ! systemd-analyze security --offline=true --threshold=$threshold --no-pager "$dir/$instance" >"$dir/said" 2>&1; then
		echo "systemd-analyze security $unit: more than $threshold"
		cat "$dir/said"
		failed=1
	else
		tail -n 1 "$dir/said"
	fi
done
for unit in "$units"/*.socket "$units"/dunningd-failed@.service; do
	name=$(basename "$unit" | sed 's/@/@dunningd/')
	sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$unit" >"$dir/$name"
	if ! systemd-analyze verify --man=no "$dir/$name" >"$dir/said" 2>&1 || [ -s "$dir/said" ]; then
		echo "systemd-analyze verify $name:"
		cat "$dir/said"
		failed=1
	fi
done

# What is missing, and what hangs each time, ends the unit for good, so that OnFailure= is called: an assertion that is not met would not.
for unit in dunningd.service dunningd@.service; do
	file=$units/$unit
	asks() { sed -n "s/^$1=//p" "$file"; }
	seconds() { systemd-analyze timespan "$(asks "$1" | sed 's/^[0-9]*$/&s/')" | sed -n 's/^ *[^ ]*s: \([0-9]*\)[0-9]\{6\}$/\1/p'; }
	cycle=$(($(seconds TimeoutStartSec) + $(seconds WatchdogSec) + $(seconds TimeoutStopSec) + $(seconds RestartSec)))
	if [ "$(seconds StartLimitIntervalSec)" -le $((cycle * $(asks StartLimitBurst))) ]; then
		echo "$unit: a process that hangs each time is started anew for ever: $(asks StartLimitBurst) cycles of $cycle s are not within $(asks StartLimitIntervalSec)"
		failed=1
	fi
	for key in $(asks LoadCredential | sed 's/:.*//'); do
		grep -qxF "SetCredential=$key:\n" "$file" || {
			echo "$unit: without SetCredential=$key: systemd does not say which file is missing"
			failed=1
		}
	done
	if [ "$(asks RestartPreventExitStatus)" != 78 ] || grep '^\(Assert\|Condition\)' "$file"; then
		echo "$unit: what is missing is not told by OnFailure=, or tried again and again"
		failed=1
	fi
done

# Who asks over the control socket is told by SO_PEERCRED, and in a user namespace of its own all are nobody.
if grep -l '^PrivateUsers=' "$units"/dunningd.service "$units"/dunningd@.service; then
	echo "with PrivateUsers= the trail cannot tell who read what"
	failed=1
fi

root=$(cd "$(dirname "$0")/.." && pwd)
catalog=$root/systemd/dunningd.catalog
mkdir -p "$dir/catalog/usr/lib/systemd/catalog" "$dir/catalog/var/lib/systemd/catalog"
cp "$catalog" "$dir/catalog/usr/lib/systemd/catalog/"
if ! journalctl --root="$dir/catalog" --update-catalog >"$dir/said" 2>&1 ||
	[ "$(journalctl --root="$dir/catalog" --list-catalog 2>/dev/null | wc -l)" -ne "$(grep -c '^-- ' "$catalog")" ]; then
	echo "the catalogue is not as systemd wants it:"
	cat "$dir/said"
	failed=1
fi

# What the package's scripts tell systemd.
mkdir "$dir/bin"
for tool in systemctl deb-systemd-invoke; do
	printf '#!/bin/sh\necho "$*" >>"%s/told"\n' "$dir" >"$dir/bin/$tool"
	chmod +x "$dir/bin/$tool"
done
tells() { # SCRIPT WORD VERSION EXPECTED
	rm -f "$dir/told"
	sed 's|/run/systemd/system|/|' "$root/systemd/debian/dunningd.$1" >"$dir/script"
	PATH="$dir/bin:$PATH" sh "$dir/script" "$2" "$3"
	[ "$(cat "$dir/told" 2>/dev/null | tr '\n' ';')" = "$4" ] || {
		echo "$1 $2 tells systemd: $(cat "$dir/told" 2>/dev/null)"
		failed=1
	}
}
tells postinst configure 0.0.9 "--system daemon-reload;try-restart dunningd.service dunningd@*.service;"
tells postinst configure "" ""
tells prerm upgrade 0.1.0 ""
tells prerm remove "" "stop dunningd-*.socket dunningd@*.socket dunningd.service dunningd@*.service;" # else who calls starts it again

if command -v systemd-sysusers >/dev/null; then
	mkdir -p "$dir/root/etc"
	sysusers=$(dirname "$0")/../systemd/dunningd.sysusers
	systemd-sysusers --root="$dir/root" --replace=/usr/lib/sysusers.d/dunningd.conf - <"$sysusers" >"$dir/said" 2>&1 || {
		cat "$dir/said"
		failed=1
	}
	grep -q '^dunningd:' "$dir/root/etc/passwd" || {
		echo "the user dunningd was not made"
		failed=1
	}
fi
exit $failed
