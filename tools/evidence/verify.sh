#!/bin/sh
# Checks an evidence bundle of dunningd with nothing but OpenSSL 3 and a POSIX shell, offline:
#     sh verify.sh [FOLDER] ['VERIFIER KEY']        0: all that was checked holds; 1: refused; 2: could not be checked
# VERIFIER KEY is the line that the company published for its log. Formats: RFC 6962, C2SP signed-note, tlog-checkpoint, tlog-proof,
# and dunningd's FORMATS.md. What this does not look for is said at the end.
dir=${1:-.} published=${2:-}
LC_ALL=C
umask 077
say() { printf '%s\n' "$*"; }
refuse() { say "REFUSED: $*"; exit 1; }
unable() { say "COULD NOT BE CHECKED: $*"; exit 2; }
case $(openssl version 2>/dev/null) in
OpenSSL\ [3-9]*) ;;
*) unable "it needs OpenSSL 3" ;;
esac
[ -r "$dir/manifest" ] || unable "$dir/manifest cannot be read"
tmp=${TMPDIR:-/tmp}/verify.$$
# What is put there is public; without rm it stays.
trap 'command -v rm >/dev/null && rm -f "$tmp.key" "$tmp.text" "$tmp.sig" "$tmp.ca"' EXIT
(set -C && : >"$tmp.key" && : >"$tmp.text" && : >"$tmp.sig" && : >"$tmp.ca") 2>/dev/null || unable "$tmp.* cannot be written"

sha256() { openssl dgst -sha256 -r; }                   # of standard input; the digest is the first word
if command -v cat >/dev/null; then                      # a file as it is
	copy() { cat "$1"; }
else
	copy() { openssl enc -none -in "$1"; }
fi
# Bytes are kept as octal escapes, which printf turns into bytes; a shell variable cannot hold a NUL.
from_hex() {
	rest=${1%% *} bytes=
	while [ -n "$rest" ]; do
		next=${rest#??} byte=$((0x${rest%"${rest#??}"})) rest=$next
		bytes=$bytes\\$((byte >> 6))$((byte >> 3 & 7))$((byte & 7))
	done
}
from_base64() {
	all=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/ rest=${1%%=*} bytes= bits=0 have=0
	while [ -n "$rest" ]; do
		char=${rest%"${rest#?}"} rest=${rest#?}
		before=${all%%"$char"*}
		[ ${#before} -lt 64 ] || refuse "$1 is no base64"
		bits=$((bits << 6 | ${#before})) have=$((have + 6))
		[ $have -ge 8 ] || continue
		have=$((have - 8)) byte=$((bits >> have)) bits=$((bits & (1 << have) - 1))
		bytes=$bytes\\$((byte >> 6))$((byte >> 3 & 7))$((byte & 7))
	done
	[ $bits -eq 0 ] || refuse "$1 is no base64"             # what is left over at the end must be nothing
}
node() { from_hex "$({ printf '\001'; printf "$1$2"; } | sha256)"; }    # RFC 6962: SHA-256(1, left, right)

# A signed note: text, an empty line, then "(dash) name base64(key id[4], signature[64])". Ed25519 over the text; a witness (key of the type 4)
# puts the time behind the id, eight bytes, and signs "cosignature/v1", "time N" and the text. Which file, which key. Leaves $text and $time.
signed_by() {
	text= signature= time= type=
	while IFS= read -r line && [ -n "$line" ]; do text="$text$line
"; done <"$1"
	name=${2%%+*} id=${2#*+} key=${2#*+*+}
	id=${id%%+*}
	from_base64 "$key" && key=${bytes#????} && type=${bytes%"$key"}         # the algorithm's byte, and what is behind it
	[ ${#id} -eq 8 ] || return 1
	case $(printf "%s\n$type$key" "$name" | sha256) in "$id"*) ;; *) return 1 ;; esac     # the id is a digest of name and key
	from_hex "$id" && id=$bytes
	while IFS= read -r line; do                             # another key of the same log may sign too, while one takes over from the other
		case $line in "— $name "*) from_base64 "${line##* }" && case $bytes in "$id"*) signature=$bytes ;; esac ;; esac
	done <"$1"
	[ -n "$signature" ] || return 1
	bytes=${signature#????????????????}
	printf "\060\052\060\005\006\003\053\145\160\003\041\000$key" >|"$tmp.key"     # RFC 8410: how OpenSSL wants an Ed25519 key
	if [ "$type" = "\\004" ]; then
		time=0 i=0
		while [ $i -lt 8 ]; do
			rest=${bytes#????} byte=${bytes%"$rest"}
			time=$((time << 8 | 0${byte#?})) bytes=$rest i=$((i + 1))
		done
		printf 'cosignature/v1\ntime %s\n' "$time" >|"$tmp.text"
	else
		[ "$type" = "\\001" ] && : >|"$tmp.text" || return 1
	fi
	printf "$bytes" >|"$tmp.sig"
	printf '%s' "$text" >>"$tmp.text"
	openssl pkeyutl -verify -pubin -keyform DER -inkey "$tmp.key" -rawin -in "$tmp.text" -sigfile "$tmp.sig" >/dev/null 2>&1
}

# 1. Every file is the one that the manifest names, and no other is there.
count=0 expected='' signed=
set --
compare() {
	[ $# -gt 0 ] || return 0
	found="$(openssl dgst -sha256 -r "$@" 2>/dev/null)
"
	[ "$found" != "$expected" ] || return 0
	while IFS= read -r line; do
		case $found in *"$line
"*) ;; *) refuse "${line#* [*]} is missing or altered" ;; esac
	done <<-END
		$expected
	END
	refuse "the manifest is in disorder"
}
{
	IFS= read -r line && [ "$line" = dunningd-bundle/v1 ] || refuse "there is no manifest of this version"
	while IFS= read -r line; do
		[ -n "$line" ] || { signed=yes; break; }
		digest=${line%%  *} path=${line#*  }
		case $path in "$line" | /* | *..* | *[!A-Za-z0-9._/-]*) refuse "the manifest cannot be read" ;; esac
		count=$((count + 1)) expected="$expected$digest *$dir/$path
"
		set -- "$@" "$dir/$path"
		[ $# -lt 400 ] || { compare "$@"; set --; expected=; }
	done
	compare "$@"
} <"$dir/manifest"
there=0
for file in "$dir"/* "$dir"/*/* "$dir"/*/*/* "$dir"/*/*/*/* "$dir"/*/*/*/*/* "$dir"/*/*/*/*/*/* "$dir"/*/*/*/*/*/*/* "$dir"/*/*/*/*/*/*/*/*; do
	[ ! -f "$file" ] || there=$((there + 1))
done
[ $there -eq $((count + 1)) ] || refuse "there are $there files, not the $((count + 1)) of the manifest and itself"
say "good: $count files, as the manifest names them"

# 2. The checkpoint of each log (its name, its size, its root) is signed by the log's key, which should be the published one.
logs= manifest=
for file in "$dir"/log/[0-9]*/checkpoint; do
	[ -f "$file" ] || refuse "there is no signed checkpoint"
	year=${file%/checkpoint} year=${year##*/}
	IFS= read -r vkey <"$dir/log/$year/vkey"
	{ IFS= read -r origin; IFS= read -r size; } <"$file"
	signed_by "$file" "$vkey" && [ "$origin" = "${vkey%%+*}" ] || refuse "$file is not signed by the log's key"
	say "good: $origin is signed over $size records"
	if [ -n "$published" ]; then
		[ "${vkey#*+*+}" = "${published#*+*+}" ] || refuse "log/$year is signed by another key than the one given"
		case $origin in "${published%%+*}" | "${published%%+*}/$year") ;; *) refuse "log/$year is not the log of the key given" ;; esac
	fi
	[ -z "$signed" ] || ! signed_by "$dir/manifest" "$vkey" || manifest=good
	logs="$logs $year "
done
[ -n "$published" ] && say "good: the key is the one given" || say "NOT CHECKED: the key; give the one that the company published"
[ -z "$signed$manifest" ] && say "NOT SIGNED: the manifest; what is in no record (reports) could have been made by anyone"
[ -z "$signed" ] || { [ -n "$manifest" ] && say "good: the manifest is signed by the log's key" || refuse "the manifest is not signed by the log's key"; }

# 2b. Earlier checkpoints that third parties vouched for: signed by the same key. A stamp (RFC 3161) is over these very bytes, asked for with a
#     number of our own, by an authority of the roots beside it, and on no list of revoked certificates beside it; certificates are not
#     judged by today's date. A witness signed the same text, by the key beside it. Whose roots and keys those are the bundle cannot say.
stamps=0 listed=0 witnesses=0 stamped= believed=
for file in "$dir"/log/[0-9]*/anchored/*/checkpoint; do
	[ -f "$file" ] || continue
	place=${file#"$dir/log/"} place=${place%/checkpoint}
	IFS= read -r vkey <"$dir/log/${place%%/*}/vkey"
	IFS= read -r origin <"$file"
	signed_by "$file" "$vkey" && [ "$origin" = "${vkey%%+*}" ] || refuse "$file is not signed by the log's key"
	stamped="$stamped $place " anchored=$text
	for answer in "${file%/checkpoint}"/*.tsr; do
		[ -f "$answer" ] || continue
		stamp=${answer%.tsr} revoked=
		copy "$stamp.pem" >|"$tmp.ca"
		if [ -f "$stamp.crl" ]; then
			openssl crl -inform DER -in "$stamp.crl" >>"$tmp.ca" 2>/dev/null || refuse "$stamp.crl cannot be read"
			revoked=-crl_check listed=$((listed + 1))
		fi
		openssl ts -verify -queryfile "$stamp.tsq" -in "$answer" -CAfile "$tmp.ca" $revoked -no_check_time >/dev/null 2>&1 &&
			openssl ts -verify -data "$file" -in "$answer" -CAfile "$tmp.ca" $revoked -no_check_time >/dev/null 2>&1 ||
			refuse "$answer is no time stamp of $file by the authorities of $stamp.pem"
		stamps=$((stamps + 1)) cert=
		while IFS= read -r line; do
			cert="$cert$line
"
			case $line in *"END CERTIFICATE"*) ;; *) continue ;; esac
			print=$(say "$cert" | openssl x509 -noout -fingerprint -sha256) cert=
			case $believed in *"${print#*=}"*) ;; *) believed="$believed
    ${print#*=}  (in $stamp.pem)" ;; esac
		done <"$stamp.pem"
	done
	for answer in "${file%/checkpoint}"/*.cosigned; do
		[ -f "$answer" ] || continue
		[ -f "${answer%.cosigned}.vkey" ] || { say "NOT CHECKED: $answer: the witness's key is not enclosed"; continue; }
		IFS= read -r vkey <"${answer%.cosigned}.vkey"
		signed_by "$answer" "$vkey" && [ -n "$time" ] && [ "$text" = "$anchored" ] || refuse "$answer is not signed by the witness of that key"
		witnesses=$((witnesses + 1))
		case $believed in *"$vkey"*) ;; *) believed="$believed
    $vkey" ;; esac
	done
done
[ $stamps -eq 0 ] && say "NOT STAMPED: no third party says since when these records stand" ||
	say "good: $stamps time stamps; read their dates with: openssl ts -reply -text -in FILE.tsr"
[ $stamps -eq $listed ] || say "NOT CHECKED: whether certificates were revoked, for $((stamps - listed)) stamps: no list of that day is enclosed"
[ $witnesses -eq 0 ] && say "NOT WITNESSED: no third party signed the checkpoint" || say "good: $witnesses signatures of witnesses"
[ -z "$believed" ] || say "NOT COMPARED: compare these SHA-256 fingerprints and keys with what authorities and witnesses publish:$believed"

# 3. The proof of a record: from the hash of its leaf up to the root that the checkpoint signs. RFC 9162, section 2.1.3.2. Where the
#    way of a record before went through the same hash and then on as this one goes, the rest is known: that one was found in the log.
compared=
in_log() {
	{
		IFS= read -r line && [ "$line" = c2sp.org/tlog-proof@v1 ] || refuse "$1: no proof"
		IFS= read -r line && index=${line#index }
		path= note=
		while IFS= read -r line && [ -n "$line" ]; do path="$path $line"; done
		while IFS= read -r line; do note="$note$line
"; done
	} <"$1/$2"
	origin=${note%%
*} year=${origin##*/}
	case $logs in *" $year "*) ;; *) refuse "$1: its log is not in the bundle" ;; esac
	size=${note#*
} size=${size%%
*} file=$dir/log/$year/checkpoint tree=last_${year}_$size
	case $2$stamped in anchored*" $year/anchored/$size "*) file=$dir/log/$year/anchored/$size/checkpoint tree=anchored_${year}_$size ;; esac
	[ "$file $note" = "$compared" ] || [ "$note" = "$(copy "$file")
" ] || refuse "$1: its proof is against another checkpoint"
	compared="$file $note"
	{ IFS= read -r line; IFS= read -r size; IFS= read -r root; } <"$file"
	case $index in '' | *[!0-9]* | ??????????????????*) refuse "$1: its index cannot be read" ;; esac
	[ "$index" -lt "$size" ] || refuse "$1 is beyond the log"
	hash=$leaf fn=$index sn=$((size - 1)) level=0 rest=$path
	case $year$size in *[!0-9]*) refuse "$1: its log has no year or no size" ;; esac
	for step in $path; do
		eval "known=\${${tree}_${level}_$fn:-}"
		[ "$known" != "$hash$rest" ] || return 0
		eval "${tree}_${level}_$fn=\$hash\$rest"
		rest=${rest#" $step"}
		[ $sn -gt 0 ] || refuse "$1: the proof is too long"
		from_base64 "$step"
		if [ $((fn & 1)) -eq 1 ] || [ $fn -eq $sn ]; then
			node "$bytes" "$hash"
			while [ $((fn & 1)) -eq 0 ] && [ $fn -gt 0 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)) level=$((level + 1)); done
		else
			node "$hash" "$bytes"
		fi
		hash=$bytes fn=$((fn >> 1)) sn=$((sn >> 1)) level=$((level + 1))
	done
	from_base64 "$root"
	[ $sn -eq 0 ] && [ "$bytes" = "$hash" ] || refuse "$1 is not in the log"
}
# A record and its parts: SHA-256(version line, salt, bytes) is what the leaf, and the record, commit to.
as_committed() {
	[ -f "$1/record.json" ] || { closed=$((closed + 1)); return; }
	from_base64 "$commitment" && committed=$bytes
	from_hex "$({ printf 'dunningd-record/v1\n'; copy "$1/salt"; copy "$1/record.json"; } | sha256)"
	[ "$bytes" = "$committed" ] || refuse "$1/record.json is not what its leaf commits to"
	record=$(copy "$1/record.json")
	for part in "$1"/parts/*; do
		case $part in *.salt | *'/*') continue ;; esac
		digest=$({ printf 'dunningd-part/v1\n'; copy "$part.salt"; copy "$part"; } | sha256)
		case $record in *"\"name\":\"${part##*/}\""*"\"commitment\":\"${digest%% *}\""*) parts=$((parts + 1)) ;;
		*) refuse "$part is not what its record commits to" ;; esac
	done
}
# 4. The next number of the case: its tag is HMAC-SHA-256(key of the case, version line, number). A record left out leaves a gap.
tag_of() { printf 'dunningd-tag/v1\n%s\n' "$2" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$1" -binary | openssl base64 -A; }
in_order() {
	i=0
	while read -r name key; do
		i=$((i + 1))
		eval "n=\${next_$i:-0}"
		[ "$name" = "$origin" ] && [ "$tag" = "$(tag_of "$key" "$n")" ] && eval "next_$i=$((n + 1))" && return
	done <"$dir/case/tagkey"
	refuse "$1 does not have the next number of the case: one before it was left out, or it is another case's"
}
records=0 closed=0 parts=0 last=0 vouched=0
for folder in "$dir"/records/* "$dir"/system/*; do
	[ -d "$folder" ] || continue
	{ IFS= read -r version; IFS= read -r commitment; IFS= read -r tag; } <"$folder/leaf" || refuse "$folder has no leaf"
	from_hex "$(printf '\000%s\n%s\n%s\n' "$version" "$commitment" "$tag" | sha256)" && leaf=$bytes
	[ ! -f "$folder/anchored.tlog-proof" ] || { in_log "$folder" anchored.tlog-proof && vouched=$((vouched + 1)); }
	in_log "$folder" leaf.tlog-proof
	as_committed "$folder"
	case $folder in */records/*) in_order "$folder" && last=$((last + 1)) ;; esac
	records=$((records + 1))
done
[ $last -gt 0 ] || refuse "there is no record"
say "good: $records records, each in its log, $((records - closed)) of them as committed to, with $parts parts"
[ $closed -eq 0 ] || say "NOT DISCLOSED: $closed records; only that they are there was checked"
[ $vouched -eq 0 ] || say "good: $vouched of them in a stamped or witnessed checkpoint too"
say "good: $last records of the case, numbered without a gap"

# 5. That none is missing behind the last one: the log's leaves hold no tag of the next number. Needs grep; dunningctl looks further.
if command -v grep >/dev/null && [ -d "$dir/log/$year/tile" ]; then
	i=0
	while read -r name key; do
		i=$((i + 1))
		eval "n=\${next_$i:-0}"
		grep -rqaF -- "$(tag_of "$key" "$n")" "$dir/log/${name##*/}/tile" && refuse "INCOMPLETE: record $n of the case is in the log and not here"
	done <"$dir/case/tagkey"
	say "good: the leaves given hold no record of the case with the number behind the last one"
else
	say "NOT CHECKED: whether a record behind the last one was left out"
fi
say "NOT CHECKED HERE: that the leaves given are all of the log's, and numbers further on: dunningctl trail verify does both"
say "NOT CHECKED HERE: certificates' validity at the time of the stamp, and that the log grew out of what was stamped: dunningctl"
