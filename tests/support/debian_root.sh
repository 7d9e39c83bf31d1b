# Sourced by tests/outside/booted and tests/outside/debian: make_root FOLDER SUITE PACKAGE... makes a fresh Debian, where the folder is not there.
# Its packages come from where this machine's do; nothing of it is started.
make_root() { # folder suite packages...
	dir=$1
	of=$2
	shift 2
	[ -d "$dir" ] && return
	mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
		awk '/^URIs:/ { print $2; exit } /^deb / { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }')
	mmdebstrap --quiet --variant=minbase --include="$(echo "$*" | tr ' ' ',')" "$of" "$dir" "${mirror:?no mirror is configured}" ||
		{ rm -rf "$dir"; return 1; }
}
