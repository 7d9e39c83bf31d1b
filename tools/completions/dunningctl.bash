# bash completion of dunningctl: the program itself knows what may come next.
_dunningctl() {
	local line=${COMP_LINE:0:COMP_POINT} cur reply
	local -a words
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=("")
	cur=${words[-1]}
	COMPREPLY=()
	# bash breaks words at ':' and '=': what stands before the last of them is there already.
	local there=${cur%"${cur##*[:=]}"}
	while IFS=$'\t' read -r reply _; do
		COMPREPLY+=("${reply#"$there"}")
	done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -o default -F _dunningctl dunningctl
