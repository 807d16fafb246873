# SPDX-License-Identifier: Apache-2.0
# Completion for zsh.
function quoted(text) {
	gsub(/'/, "'\\''", text)
	gsub(/\[/, "\\[", text)
	gsub(/\]/, "\\]", text)
	gsub(/:/, "\\:", text)
	return text
}
function argument(name) {
	if (name == "") return ""
	return ":" quoted(name) ":" (name == "URI" || name == "FILE" ? "_files" : " ")
}
$1 == "command" { names[++count] = $2; summary[$2] = $3 }
$1 == "word" { words[$2] = words[$2] " " $3 }
$1 == "option" { options[$2] = options[$2] " \\\n\t\t'*" $3 "[" quoted($6) "]" argument($5) "'" }
END {
	print "#compdef sluice"
	print "_sluice() {\n\tlocal -a commands=("
	for (i = 1; i <= count; i++)
		print "\t\t'" names[i] ":" quoted(summary[names[i]]) "'"
	print "\t)\n\tif (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then"
	print "\t\t_describe command commands\n\t\treturn\n\tfi"
	print "\tlocal command=$words[2]\n\tcase $command in"
	print "\t-*) _arguments" options["run"] " ;;"
	for (i = 1; i <= count; i++)
		print "\t" names[i] ") shift words; (( CURRENT-- )); _arguments" options[names[i]] \
			(words[names[i]] == "" ? "" : " \\\n\t\t'1:what:(" substr(words[names[i]], 2) ")'") " ;;"
	print "\tesac\n}\n_sluice \"$@\""
}
