# SPDX-License-Identifier: Apache-2.0
# Completion for bash: commands, then a command's flags; files behind a flag that takes one.
$1 == "command" { commands = commands (commands == "" ? "" : " ") $2; names[++count] = $2 }
$1 == "word" { flags[$2] = flags[$2] (flags[$2] == "" ? "" : " ") $3 }
$1 == "option" {
	flags[$2] = flags[$2] (flags[$2] == "" ? "" : " ") $3
	if ($5 == "")
		alone[$3] = 1
	else if ($5 == "URI" || $5 == "FILE")
		files[$3] = 1
	else
		values[$3] = 1
}
function joined(set,    word, text) {
	for (word in set)
		sorted[++n] = word
	text = ""
	while (n > 0) {
		least = 1
		for (i = 2; i <= n; i++)
			if (sorted[i] < sorted[least]) least = i
		text = text (text == "" ? "" : "|") sorted[least]
		sorted[least] = sorted[n--]
	}
	return text
}
END {
	print "# bash completion for sluice"
	print "_sluice() {"
	print "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} flags"
	print "\tcase $before in"
	print "\t" joined(files) ")\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")"
	print "\t\treturn ;;"
	print "\t" joined(values) ")\n\t\treturn ;;"
	print "\tesac"
	print "\tcase ${COMP_WORDS[1]} in"
	for (k = 1; k <= count; k++)
		print "\t" names[k] ") flags=\"" flags[names[k]] "\" ;;"
	print "\t-*) flags=\"" flags["run"] " --version\" ;;"
	print "\tesac"
	print "\tif [ \"$COMP_CWORD\" -eq 1 ]; then"
	print "\t\tflags=\"" commands " " flags["run"] " --version\""
	print "\tfi"
	print "\tmapfile -t COMPREPLY < <(compgen -W \"$flags\" -- \"$word\")"
	print "}"
	print "complete -o filenames -F _sluice sluice"
}
