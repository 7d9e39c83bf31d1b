#!/bin/sh
# check_man.sh BUILD: the man pages are clean, name every setting and every option that the programs have, and --help works.
set -eu
build=$1
root=$(cd "$(dirname "$0")/.." && pwd)
failed=0

complain() {
	echo "$*"
	failed=1
}

for page in "$root"/daemon/*.[0-9] "$root"/tools/*.[0-9]; do
	[ -e "$page" ] || continue
	said=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null) || true
	[ -z "$said" ] || complain "$page: $said"
done

plain=$(tr -d '\\' <"$root/daemon/dunningd.8")
for option in $("$build/dunningd" --help | grep -o -- '--[a-z-]*' | sort -u); do
	[ "$option" = --clock ] || case $plain in *"$option"*) ;; *) complain "dunningd.8 does not tell of $option" ;; esac
done
# Settings as the daemon names them: the first column of the table in config_keys.c.
for key in $(sed -n 's/^\t{ "\([a-z_.]*\)", CONFIG_.*/\1/p' "$root/common/config_keys.c"); do
	case $plain in *"$key"*) ;; *) complain "dunningd.8 does not tell of the setting $key" ;; esac
done

for type in $(sed -n 's/^\t\[EVENT_[A-Z_]*\] = "\([a-z_.]*\)",/\1/p' "$root/common/event.c"); do
	grep -q -F "$type" "$root/daemon/dunningd-events.5" || complain "dunningd-events.5 does not tell of $type"
done

# Why an event becomes a dead letter: each reason that the code knows is in the page's list, and each of the list in the code. Unknown members
# of an event are kept, and an invoice that walks the version already is left as it is: neither is a reason.
listed=$(sed -n '/^\.SH DEAD LETTERS/,/^\.SH EXAMPLE/p' "$root/daemon/dunningd-events.5" | sed -n '/^\.TP$/{n;p;}' | tr -cs 'a-z0-9_\n' ' ' | tr ' ' '\n')
codes=$({
	sed '/"unknown_member"/d' "$root/common/json.c"
	sed -n '/^int postal_check/,/^}/p' "$root/common/message.c"
	sed '/refuse("same"/d' "$root/common/migration.c"
	for file in common/event common/event_agreed common/event_book common/json_scan common/escalation_commitment common/escalation_fees \
		common/escalation_note common/escalation_offers daemon/apply daemon/inbox daemon/legal; do
		cat "$root/$file.c"
	done
} | grep -oE '(err, |-EBADMSG, |refuse\((s, )?)"[a-z0-9_]+"' | sed 's/.*"\(.*\)"/\1/' | sort -u)
for code in $codes; do
	echo "$listed" | grep -q -x "$code" || complain "dunningd-events.5, DEAD LETTERS, does not tell of $code"
done
for code in $listed; do
	echo "$codes" | grep -q -x "$code" || complain "dunningd-events.5, DEAD LETTERS, tells of $code, which nothing says"
done

# What a provider's file may say: filters, operators, kinds of auth, outcomes.
page=$(tr -d '\\' <"$root/daemon/dunningd-provider.5")
for word in $(sed -n 's/^\t{ "\([a-z0-9_]*\)", .* ARG_[A-Z]*, filter_.*/\1/p' "$root/common/adapter_filter.c") \
	$(sed -n 's/^static const char \*const [a-z]*_members\[\] = { "\(\$[a-z]*\)".*/\1/p' "$root/common/adapter_body.c") \
	$(sed -n 's/^\t{ "\([a-z_]*\)", OUTCOME_.*/\1/p' "$root/common/adapter_rules.c") \
	$(sed -n 's/^\tstatic const char \*const kinds\[\] = {\(.*\), NULL };/\1/p' "$root/common/adapter_auth.c" | tr -d '",'); do
	case $page in *"$word"*) ;; *) complain "dunningd-provider.5 does not tell of $word" ;; esac
done

# What a law file may say: sections, and the members of their entries that are not taken for anything else.
page=$(tr -d '\\' <"$root/daemon/dunningd-law.5")
for word in $({
	sed -n '/^static const struct section sections/,/^};/s/^\t{ "\([a-z_]*\)".*/\1/p' "$root/common/law.c"
	for file in deadlines fees guard_rules holidays interest_rules limitation terms; do
		tr '\n' ' ' <"$root/common/$file.c" | grep -o 'members\[\] = {[^}]*}' | grep -o '"[a-z_]*"' | tr -d '"'
	done
} | sort -u); do
	echo "$page" | tr -cs 'a-z_\n' ' ' | grep -q "\(^\| \)$word\( \|\$\)" || complain "dunningd-law.5 does not tell of $word"
done

for program in dunningd dunningctl; do
	[ -x "$build/$program" ] || continue
	"$build/$program" --help >/dev/null || complain "$program --help fails"
	"$build/$program" --version >/dev/null || complain "$program --version fails"
done
exit $failed
