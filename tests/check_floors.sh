#!/bin/sh
# check_floors.sh: every include of our own points down (tests/floors.txt), no file is over 800 lines, and each library is included by
# the one module that wraps it. Names what is wrong; exit 1 if anything is.
set -eu
cd "$(dirname "$0")/.."
failed=0

awk '
	FILENAME == "tests/floors.txt" {
		if (/^#/ || !NF) next
		rank[$1] = ++n
		for (i = 3; i <= NF; i++) alias[$i] = $1
		next
	}
	function module(file,    name) {
		name = file
		sub(/\.[ch]$/, "", name)
		while (1) {
			if (name in alias) return alias[name]
			if (name in rank) return name
			if (!sub(/_[^_\/]*$/, "", name)) return ""
		}
	}
	FNR == 1 { own = module(FILENAME); if (own == "") { print FILENAME ": stands on no floor of tests/floors.txt"; bad = 1 } }
	/^#include "/ && own != "" {
		split($0, part, "\"")
		to = module(part[2])
		if (to == "") { print FILENAME ":" FNR ": " part[2] " is not named by folder and module"; bad = 1 }
		else if (to != own && rank[to] > rank[own]) { print FILENAME ":" FNR ": " own " must not include " part[2] ", which stands above it"; bad = 1 }
	}
	END { exit bad }
' tests/floors.txt $(ls common/*.[ch] daemon/*.[ch] tools/*.[ch] 2>/dev/null) || failed=1

# library header, and the modules that may include it
check_library() {
	found=$(grep -lE "^#include <$1" common/*.[ch] daemon/*.[ch] tools/*.[ch] 2>/dev/null | grep -vE "^($2)\.[ch]$" || true)
	[ -z "$found" ] || { echo "<$1> belongs to $2 alone, and is included by: $found"; failed=1; }
}
check_library 'hiredis' 'common/redis_link[a-z_]*'
check_library 'curl' 'daemon/http_client[a-z_]*'
check_library 'json-c' 'common/json'
check_library 'systemd' 'daemon/log|daemon/service'
check_library 'unicode' 'common/zone|common/locale[a-z_]*'
check_library '(pango|cairo|fontconfig)' 'common/press|common/letter_pdf|tools/evidence_pdf'
check_library 'qpdf' 'common/pdf_merge'
check_library 'openssl' 'common/hash[a-z_]*|common/timestamp|common/redis_link|tools/sandbox_keys'

for file in $(git ls-files -co --exclude-standard '*.c' '*.h'); do
	lines=$(wc -l <"$file")
	[ "$lines" -le 800 ] || { echo "$file: $lines lines, more than 800: two jobs in one file"; failed=1; }
done
exit $failed
