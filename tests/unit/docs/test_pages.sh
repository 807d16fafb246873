#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The pages: each relative link leads to a file and, behind #, to a heading of it; each page is linked
# from another one; the texts that docs/troubleshooting.md explains are those of the program.
set -u
. "$(dirname "$0")/../layout/tap.sh"

sluice=${SLUICE_BIN:-bin/sluice}
pages=$(find . -name '*.md' -not -path './build/*' -not -path './.git/*' -not -path './tests/*' -not -path '*/node_modules/*' |
	sed 's#^\./##' | sort)

# The relative links of page ${1}, without those in blocks and in code.
links() {
	awk '/^ *```/ { block = !block; next } !block { gsub(/`[^`]*`/, "code"); print }' "$1" |
		grep -oE '\]\([^)]+\)' | sed 's/^](//; s/)$//' | grep -v -E '^[a-z]+:' || true
}

# The anchors of a page's headings, made as the hosts of repositories make them.
anchors() {
	awk '/^ *```/ { block = !block; next } !block && /^#+ / { sub(/^#+ /, ""); print }' "$1" |
		sed 's/\[\([^]]*\)\]([^)]*)/\1/g' | tr 'A-Z' 'a-z' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}

links_lead_somewhere() {
	count=0 bad=0
	for page in $pages; do
		for link in $(links "$page"); do
			count=$((count + 1))
			file=${link%%#*} anchor=
			case $link in *#*) anchor=${link#*#} ;; esac
			target=$page
			[ -n "$file" ] && target=$(dirname "$page")/$file
			if [ ! -e "$target" ]; then
				echo "$page: no file $link" && bad=1
			elif [ -n "$anchor" ] && ! anchors "$target" | grep -q -x -F -- "$anchor"; then
				echo "$page: no heading $link" && bad=1
			fi
		done
	done
	[ "$count" -ge 80 ] || { echo "$count links only"; return 1; }
	return $bad
}

# Whoever reads README.md finds each page of docs/ by following links.
pages_are_found() {
	echo README.md >"$work/found"
	while :; do
		before=$(wc -l <"$work/found")
		while read -r page; do
			echo "$page"
			links "$page" | sed 's/#.*//' | grep '\.md$' | while read -r link; do
				realpath -m --relative-to=. "$(dirname "$page")/$link"
			done
		done <"$work/found" | sort -u >"$work/more"
		mv "$work/more" "$work/found"
		[ "$(wc -l <"$work/found")" -eq "$before" ] && break
	done
	echo "$pages" | grep '^docs/' >"$work/pages"
	! grep -v -x -F -f "$work/found" "$work/pages"
}

# Texts in headings of the third level; what is variable in them is left out of the page. One is the
# system's, with which the program ends its own.
texts_are_the_programs() {
	sed -n 's/^### `\(.*\)`$/\1/p' docs/troubleshooting.md |
		grep -v -x 'connection refused' >"$work/texts"
	[ "$(wc -l <"$work/texts")" -ge 15 ] || { cat "$work/texts"; return 1; }
	bad=0
	while read -r text; do
		# Some are made of two pieces of the program.
		printf '%s\n' "$text" | sed 's/ (for a plain/\n (for a plain/; s/ (held by/\n (held by/' |
			while read -r piece; do
				grep -q -a -F -- "$piece" "$sluice" || { echo "nobody says: $piece"; exit 1; }
			done || bad=1
	done <"$work/texts"
	return $bad
}

check "relative links lead to files and headings" links_lead_somewhere
check "each page is reached from README.md" pages_are_found
check "the texts that are explained are those of the program" texts_are_the_programs
finish
