#!/bin/sh
# Checks an evidence bundle of dunningd with nothing but OpenSSL 3 and a POSIX shell, offline:
#     sh verify.sh [FOLDER] ['VERIFIER KEY']        0: all that was checked holds; 1: refused; 2: could not be checked
# VERIFIER KEY is the line that the company published for its log. Formats: RFC 6962, C2SP signed-note, tlog-checkpoint, tlog-proof,
# and dunningd's FORMATS.md. What this does not look for is said at the end.
dir=${1:-.} published=${2:-}
LC_ALL=C
umask 077
nl='
'
say() { printf '%s\n' "$*"; }
refuse() { say "REFUSED: $*"; exit 1; }
unable() { say "COULD NOT BE CHECKED: $*"; exit 2; }
case $(openssl version 2>/dev/null) in
OpenSSL\ [3-9]*) ;;
*) unable "it needs OpenSSL 3" ;;
esac
[ -r "$dir/manifest" ] || unable "$dir/manifest cannot be read"
# Files of our own, which nobody else has made before. Nothing of a record stays there; without rm the files do, empty or with what is public.
tmp=${TMPDIR:-/tmp}/verify.$$ made=0
set -C
for name in key text sig ca; do printf '' >"$tmp.$name" || unable "$tmp.* cannot be written"; done 2>/dev/null
trap 'if command -v rm >/dev/null; then rm -f "$tmp".*; else while [ $made -gt 0 ]; do : >|"$tmp.$made"; made=$((made - 1)); done; fi' EXIT
trap 'exit 2' HUP INT TERM

if command -v cat >/dev/null; then                      # files as they are
	copy() { cat "$@"; }
else
	copy() { for one; do openssl enc -none -in "$one"; done; }
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
	case $bits$((${#1} & 3))${1#"${1%%=*}"} in 00 | 00= | 00==) ;; *) refuse "$1 is no base64" ;; esac     # nothing is left over
}

# A signed note: text, an empty line, then "(dash) name base64(key id[4], signature[64])". Ed25519 over the text; a witness (key of the type 4)
# puts the time behind the id, eight bytes, and signs "cosignature/v1", "time N" and the text. Which file, which key. Leaves $text and $time.
signed_by() {
	text= signature= time= type=
	name=${2%%+*} id=${2#*+} key=${2#*+*+}
	id=${id%%+*}
	from_base64 "$key" && key=${bytes#????} && type=${bytes%"$key"}         # the algorithm's byte, and what is behind it
	[ ${#id} -eq 8 ] || return 1
	case $(printf "%s\n$type$key" "$name" | openssl dgst -sha256 -r) in "$id"*) ;; *) return 1 ;; esac     # the id is a digest of name and key
	from_hex "$id" && id=$bytes
	{
		while IFS= read -r line && [ -n "$line" ]; do text=$text$line$nl; done
		while IFS= read -r line; do                     # another key of the same log may sign too, while one takes over from the other
			case $line in "— $name "*) from_base64 "${line##* }" && case $bytes in "$id"*) signature=$bytes ;; esac ;; esac
		done
	} <"$1"
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
count=0 expected='' signed= previous=
set --
compare() {
	[ $# -gt 0 ] || return 0
	found=$(openssl dgst -sha256 -r "$@" 2>/dev/null)$nl
	[ "$found" != "$expected" ] || return 0
	while IFS= read -r line; do
		case $found in *"$line$nl"*) ;; *) refuse "${line#* [*]} is missing or altered" ;; esac
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
		[ "$previous" \< "$path" ] || refuse "the manifest is in disorder"
		previous=$path count=$((count + 1)) expected="$expected$digest *$dir/$path$nl"
		set -- "$@" "$dir/$path"
		[ $# -lt 400 ] || { compare "$@"; set --; expected=; }
	done
	compare "$@"
} <"$dir/manifest"
there=0
for file in "$dir"/* "$dir"/*/* "$dir"/*/*/* "$dir"/*/*/*/* "$dir"/*/*/*/*/* "$dir"/*/*/*/*/*/* "$dir"/*/*/*/*/*/*/* "$dir"/*/*/*/*/*/*/*/*; do
	[ -e "$file" ] || continue
	case ${file#"$dir"} in *[!A-Za-z0-9._/-]*) refuse "$file is no name of the manifest" ;; esac
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
			cert=$cert$line$nl
			case $line in *"END CERTIFICATE"*) ;; *) continue ;; esac
			print=$(say "$cert" | openssl x509 -noout -fingerprint -sha256) cert=
			case $believed in *"${print#*=}"*) ;; *) believed="$believed$nl    ${print#*=}  (in $stamp.pem)" ;; esac
		done <"$stamp.pem"
	done
	for answer in "${file%/checkpoint}"/*.cosigned; do
		[ -f "$answer" ] || continue
		[ -f "${answer%.cosigned}.vkey" ] || { say "NOT CHECKED: $answer: the witness's key is not enclosed"; continue; }
		IFS= read -r vkey <"${answer%.cosigned}.vkey"
		signed_by "$answer" "$vkey" && [ -n "$time" ] && [ "$text" = "$anchored" ] || refuse "$answer is not signed by the witness of that key"
		witnesses=$((witnesses + 1))
		case $believed in *"$vkey"*) ;; *) believed="$believed$nl    $vkey" ;; esac
	done
done
[ $stamps -eq 0 ] && say "NOT STAMPED: no third party says since when these records stand" ||
	say "good: $stamps time stamps; read their dates with: openssl ts -reply -text -in FILE.tsr"
[ $stamps -eq $listed ] || say "NOT CHECKED: whether certificates were revoked, for $((stamps - listed)) stamps: no list of that day is enclosed"
[ $witnesses -eq 0 ] && say "NOT WITNESSED: no third party signed the checkpoint" || say "good: $witnesses signatures of witnesses"
[ -z "$believed" ] || say "NOT COMPARED: compare these SHA-256 fingerprints and keys with what authorities and witnesses publish:$believed"

# Much is to be hashed, and one start of OpenSSL hashes many files. So each thing is put into a file of its own, with what its digest is
# wanted for: a command. When all are hashed each command is called, with the digest in $digest, and may put the next thing.
n=0
put() {
	n=$((n + 1))
	[ $n -le $made ] || { printf '' >"$tmp.$n" && made=$n; } || unable "$tmp.$n cannot be written"
	eval "wanted_$n=\$1"
	shift
	printf "$@" >|"$tmp.$n" || unable "$tmp.$n cannot be written"
}
hashed() {                                              # all that was put; leaves $found, a line each, of which the digest is the first word
	file=0
	while [ $file -lt $n ]; do file=$((file + 1)) && set -- "$@" "$tmp.$file"; done
	n=0 found=$(openssl dgst -sha256 -r "$@")
}
settle() {
	while [ $n -gt 0 ]; do
		hashed || unable "OpenSSL cannot hash $tmp.*"
		called=0
		while read -r digest name; do
			called=$((called + 1))
			eval "\$wanted_$called"
		done <<-END
			$found
		END
	done
	while read -r origin tag folder; do
		[ -z "$origin" ] || in_order
	done <<-END
		$numbered
	END
	numbered=
}
# 3. The proof of a record: from the hash of its leaf up to the root that the checkpoint signs. RFC 9162, section 2.1.3.2.
in_log() {                                              # folder, file of the proof, tag
	index='' path='' note=''
	{
		IFS= read -r line && [ "$line" = c2sp.org/tlog-proof@v1 ] || refuse "$dir/$1: no proof"
		IFS= read -r line && index=${line#index }
		while IFS= read -r line && [ -n "$line" ]; do path="$path $line"; done
		IFS= read -r origin && IFS= read -r size && IFS= read -r root && note=$origin$nl$size$nl$root$nl
		while IFS= read -r line; do note=$note$line$nl; done
	} <"$dir/$1/$2" || refuse "$dir/$1: no proof"
	year=${origin##*/}
	case $logs in *" $year "*) ;; *) refuse "$dir/$1: its log is not in the bundle" ;; esac
	case $year$size in *[!0-9]*) refuse "$dir/$1: its log has no year or no size" ;; esac
	file=$dir/log/$year/checkpoint tree=last_${year}_$size
	case $2$stamped in anchored*" $year/anchored/$size "*) file=$dir/log/$year/anchored/$size/checkpoint tree=anchored_${year}_$size ;; esac
	eval "known=\${note_$tree-}"
	[ -n "$known" ] || known=$(copy "$file")$nl
	[ "$note" = "$known" ] || refuse "$dir/$1: its proof is against another checkpoint"
	eval "note_$tree=\$note root_$tree=\$root"
	case $index in '' | *[!0-9]* | ??????????????????*) refuse "$dir/$1: its index cannot be read" ;; esac
	case $path in *[!A-Za-z0-9+/=\ ]*) refuse "$dir/$1: its proof cannot be read" ;; esac
	[ "$index" -lt "$size" ] || refuse "$dir/$1 is beyond the log"
	up "$1" "$index" $((size - 1)) "$tree" $path
	case $1/$2 in records/*/leaf.tlog-proof) numbered="$numbered$origin $3 $1$nl" ;; esac
}
up() {                                                  # folder, index and last index on this level, log, the steps that are left
	folder=$1 fn=$2 sn=$3 tree=$4
	shift
	eval "known=\${way_${tree}_$digest-}"
	[ "$known" != "$*" ] || return 0                # from here it is the way of a record before, which is found in the log, or refused
	eval "way_${tree}_$digest=\$*"
	shift 3
	from_hex "$digest" && hash=$bytes
	if [ $# -eq 0 ]; then
		eval "from_base64 \"\$root_$tree\""
		[ "$sn" -eq 0 ] && [ "$bytes" = "$hash" ] || refuse "$dir/$folder is not in the log"
		return
	fi
	[ "$sn" -gt 0 ] || refuse "$dir/$folder: the proof is too long"
	from_base64 "$1" && shift
	if [ $((fn & 1)) -eq 1 ] || [ "$fn" -eq "$sn" ]; then
		pair=$bytes$hash
		while [ $((fn & 1)) -eq 0 ] && [ "$fn" -gt 0 ]; do fn=$((fn >> 1)) sn=$((sn >> 1)); done
	else
		pair=$hash$bytes
	fi
	put "up $folder $((fn >> 1)) $((sn >> 1)) $tree $*" "\001$pair"        # RFC 6962: SHA-256(1, left, right)
}
# A record and its parts: SHA-256(version line, salt, bytes) is what the leaf, and the record, commit to.
record() {                                              # folder, what its leaf says
	from_base64 "$2" && committed=$bytes
	from_hex "$digest"
	[ "$bytes" = "$committed" ] || refuse "$dir/$1/record.json is not what its leaf commits to"
	IFS= read -r record <"$dir/$1/record.json"
}
part() {                                                # of the record that was hashed last
	case $record in *"\"name\":\"${1##*/}\""*"\"commitment\":\"$digest\""*) parts=$((parts + 1)) ;;
	*) refuse "$dir/$1 is not what its record commits to" ;; esac
}
# 4. The next number of the case: its tag is HMAC-SHA-256(key of the case, version line, number). A record left out leaves a gap.
#    A hundred are made at once: $tags of a key are those of the numbers from $number on.
in_order() {
	from_base64 "$tag" && tag=$bytes i=0
	while read -r name key; do
		i=$((i + 1))
		[ "$name" = "$origin" ] || continue
		eval "number=\${next_$i:-0} tags=\${tags_$i-}"
		if [ -z "$tags" ]; then
			while [ $n -lt 100 ]; do put '' 'dunningd-tag/v1\n%s\n' $((number + n)); done
			hashed -mac HMAC -macopt "hexkey:$key" 2>/dev/null || continue
			tags=$found$nl
		fi
		from_hex "${tags%% *}"
		if [ "$bytes" = "$tag" ]; then
			eval "next_$i=$((number + 1)) tags_$i=\${tags#*\$nl}"
			last=$((last + 1))
			return
		fi
		eval "tags_$i=\$tags"
	done <"$dir/case/tagkey"
	refuse "$dir/$folder does not have the next number of the case: one before it was left out, or it is another case's"
}
records=0 closed=0 parts=0 last=0 vouched=0 numbered=
for path in "$dir"/records/* "$dir"/system/*; do
	[ -d "$path" ] || continue
	folder=${path#"$dir/"}
	{ IFS= read -r version; IFS= read -r commitment; IFS= read -r tag; } <"$path/leaf" || refuse "$path has no leaf"
	case $commitment$tag in *[!A-Za-z0-9+/=]*) refuse "$path/leaf cannot be read" ;; esac
	for proof in anchored leaf; do
		[ $proof = leaf ] || [ -f "$path/$proof.tlog-proof" ] || continue
		put "in_log $folder $proof.tlog-proof $tag" '\000%s\n%s\n%s\n' "$version" "$commitment" "$tag"
		[ $proof = leaf ] || vouched=$((vouched + 1))
	done
	records=$((records + 1))
	if [ -f "$path/record.json" ]; then
		put "record $folder $commitment" 'dunningd-record/v1\n'
		copy "$path/salt" "$path/record.json" >>"$tmp.$n" || [ ! -f "$path/salt" ] || unable "$tmp.$n cannot be written"
		for part in "$path"/parts/*; do
			case $part in *.salt | *'/*') continue ;; esac
			put "part ${part#"$dir/"}" 'dunningd-part/v1\n'
			copy "$part.salt" "$part" >>"$tmp.$n" || [ ! -f "$part.salt" ] || unable "$tmp.$n cannot be written"
		done
	else
		closed=$((closed + 1))
	fi
	[ $n -lt 400 ] || settle
done
settle
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
		tag=$(printf 'dunningd-tag/v1\n%s\n' "$n" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)
		grep -rqaF -- "$tag" "$dir/log/${name##*/}/tile" && refuse "INCOMPLETE: record $n of the case is in the log and not here"
	done <"$dir/case/tagkey"
	say "good: the leaves given hold no record of the case with the number behind the last one"
else
	say "NOT CHECKED: whether a record behind the last one was left out"
fi
say "NOT CHECKED HERE: that the leaves given are all of the log's, and numbers further on: dunningctl trail verify does both"
say "NOT CHECKED HERE: certificates' validity at the time of the stamp, and that the log grew out of what was stamped: dunningctl"
