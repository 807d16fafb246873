# SPDX-License-Identifier: Apache-2.0
# Completion for fish.
function quoted(text) { gsub(/\\/, "\\\\", text); gsub(/'/, "\\'", text); return "'" text "'" }
function flag(condition, name, letter, argument, text) {
	printf "complete -c sluice -n %s -l %s%s%s -d %s\n", quoted(condition), substr(name, 3),
		letter == "" ? "" : " -s " letter,
		argument == "" ? "" : argument == "URI" || argument == "FILE" ? " -r -F" : " -x",
		quoted(text)
}
BEGIN { print "# fish completion for sluice\ncomplete -c sluice -f" }
$1 == "command" {
	printf "complete -c sluice -n __fish_use_subcommand -a %s -d %s\n", $2, quoted($3)
}
$1 == "word" {
	printf "complete -c sluice -n %s -a %s\n", quoted("__fish_seen_subcommand_from " $2), $3
}
$1 == "option" {
	flag("__fish_seen_subcommand_from " $2, $3, $4, $5, $6)
	if ($2 == "run")
		flag("__fish_use_subcommand", $3, $4, $5, $6)
}
