#!/usr/bin/env bash
# check_completions.sh BUILD: what bash, zsh and fish offer behind dunningctl. A shell that is not installed is passed over, and named.
set -u
build=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
export PATH=$build:$PATH
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT INT TERM
export HOME=$home ZDOTDIR=$home XDG_CONFIG_HOME=$home XDG_DATA_HOME=$home
share="--share $root/daemon/share"
failed=0

# The line as typed, and words that must be among what is offered, one behind the other.
expect() {
	shell=$1
	line=$2
	offered=$("$shell"_offers "$line")
	for word in $3; do
		grep -q -x -F -e "$word" <<<"$offered" || { echo "$shell: \"$line\" does not become \"$word\" but: $offered"; failed=1; }
	done
}

bash_offers() {
	bash -c '. "$1"; COMP_LINE=$2; COMP_POINT=${#2}; _dunningctl; printf "%s\n" "${COMPREPLY[@]}"' bash "$root/tools/completions/dunningctl.bash" "$1" 2>&1
}
fish_offers() {
	fish -c "source $root/tools/completions/dunningctl.fish; complete -C '$1'" 2>&1 | cut -f 1
}
# It completes at a terminal only: it gets one, and what it would show there is written down instead, what each word means left out.
zsh_offers() {
	rm -f "$home"/offered "$home"/complete
	zsh -f -c '
		zmodload zsh/zpty zsh/zselect
		zpty -b shell zsh -f -i
		zpty -w shell "fpath=($1 \$fpath); autoload -Uz compinit; compinit -D -u; _describe() { print -rl -- \${(@P)4} >$HOME/offered; : >$HOME/complete; }"
		zpty -w -n shell "$2"$'"'\t'"'
		for i in {1..600}; do
			[[ -e $HOME/complete ]] && break
			zselect -t 5
		done
		zpty -d shell' zsh "$root/tools/completions" "$1" </dev/null >/dev/null 2>&1
	sed -e 's/\\:/\x01/g' -e 's/:.*//' -e 's/\x01/:/g' "$home/offered" 2>&1
}
for shell in bash zsh fish; do
	command -v $shell >/dev/null || { echo "$shell is not installed: not checked"; continue; }
	expect $shell "dunningctl " "status list trail policy"
	expect $shell "dunningctl tra" trail
	expect $shell "dunningctl trail key " "new show"
	expect $shell "dunningctl $share policy show fr-" "fr-b2b fr-b2c"
	expect $shell "dunningctl decide INV-1 " "pursue settle write_off stop sent not_sent"
	expect $shell "dunningctl hold --un" --until
done
exit $failed
