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
for shell in bash zsh fish; do
	command -v $shell >/dev/null || { echo "$shell is not installed: not checked"; continue; }
	case $shell in
	zsh) zsh -n "$root/tools/completions/_dunningctl" || failed=1; continue ;; # what it offers needs a terminal: its words alone are checked
	esac
	expect $shell "dunningctl " "status list trail policy"
	expect $shell "dunningctl tra" trail
	expect $shell "dunningctl trail key " "new show"
	expect $shell "dunningctl $share policy show fr-" "fr-b2b fr-b2c"
	expect $shell "dunningctl decide INV-1 " "pursue settle write_off stop sent not_sent"
	expect $shell "dunningctl hold --un" --until
done
exit $failed
