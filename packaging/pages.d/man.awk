# SPDX-License-Identifier: Apache-2.0
# sluice(1) in roff.
function roff(text) { gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text); sub(/^[.']/, "\\\\\\&&", text); return text }
$1 == "command" { names[++count] = $2; summary[$2] = $3 }
$1 == "usage" { usage[$2] = usage[$2] (usage[$2] == "" ? "" : "\n.br\n") roff($3) }
$1 == "about" { about[$2] = about[$2] (about[$2] == "" ? "" : "\n") roff($3) }
$1 == "option" {
	letter = $4 == "" ? "" : "\\fB\\-" $4 "\\fR, "
	options[$2] = options[$2] ".TP\n" letter "\\fB" roff($3) "\\fR" \
		($5 == "" ? "" : " \\fI" roff($5) "\\fR") "\n" roff($6) "\n"
}
END {
	print ".TH SLUICE 1 \"\" \"sluice " version "\" \"User Commands\""
	print ".SH NAME\nsluice \\- trace pipeline for LLM\\-serving stacks"
	print ".SH SYNOPSIS\n.B sluice\n\\fB\\-\\-config\\fR \\fIFILE\\fR [\\fIoptions\\fR]"
	print ".br\n.B sluice\n\\fICOMMAND\\fR [\\fIoptions\\fR]"
	print ".SH DESCRIPTION\nTakes OpenTelemetry traces in over OTLP, removes what a policy does not"
	print "let through, and delivers the rest to one or more backends. It reads the configuration of"
	print "the OpenTelemetry Collector. Without a command it runs the collector."
	print ".SH COMMANDS"
	for (i = 1; i <= count; i++) {
		name = names[i]
		print ".SS " name "\n.B Usage:\n" usage[name] "\n.PP\n" about[name]
		printf "%s", options[name]
	}
	print ".SH FILES\n.TP\n.I /etc/sluice/config.yaml\nThe configuration of the system service."
	print ".TP\n.I /etc/sluice/environment\nVariables of the system service, one NAME=value a line."
	print ".SH EXIT STATUS\n0 when all went well, 1 on an error, which is printed to standard error."
}
