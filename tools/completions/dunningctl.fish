# fish completion of dunningctl: the program itself knows what may come next; where it knows of nothing, files may.
function __dunningctl_complete
	set -l words (commandline -opc) (commandline -ct)
	set -l found ($words[1] complete -- $words[2..-1] 2>/dev/null)
	if set -q found[1]
		printf '%s\n' $found
	else
		__fish_complete_path (commandline -ct)
	end
end
complete -c dunningctl -f -a '(__dunningctl_complete)'
