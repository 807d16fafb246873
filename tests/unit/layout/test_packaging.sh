#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What packaging/ makes of the program: pages that name all commands and flags, an image that is small,
# whole and runs, a list of parts that has them all; and the version that the program prints.
set -u
. "$(dirname "$0")/tap.sh"

sluice=${SLUICE_BIN:-bin/sluice}
pages=$work/pages

# ---- version ---------------------------------------------------------------------------------
number=$(sed -n 's/^#define SLUICE_VERSION "\(.*\)"$/\1/p' cmd/commands.h)

version_is() {
	echo "expected: $1"
	said=$("$sluice" --version)
	echo "said:     $said"
	[ "$said" = "$1" ]
}

# The commit where the tree is one of git, the number alone elsewhere (a source archive). As of the
# build, which left it beside the program: the tree may have changed since.
version_names_the_commit() {
	commit=$(cat "$(dirname "$sluice")/commit" 2>/dev/null ||
		git describe --tags --match 'v*' --always --dirty 2>/dev/null)
	version_is "sluice version $number${commit:+ ($commit)}"
}

without_git_there_is_no_commit() {
	GIT_DIR=$work env -u MAKEFLAGS -u MAKELEVEL make -n V=1 MODE=nothing build/nothing/cmd/version.o >"$work/made"
	grep -- '-c -o build/nothing/cmd/version.o' "$work/made" | grep -F -- "-DSLUICE_COMMIT='\"\"'"
}

changelog_has_the_version() {
	grep "^## $number" CHANGELOG.md
}

# ---- pages -----------------------------------------------------------------------------------
commands=$("$sluice" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')

# What ${1} says of the command ${2}.
section() {
	case $1 in
	sluice.1) sed -n "/^\.SS $2\$/,/^\.S[SH] /p" ;;
	sluice.bash) grep "^	$2) flags=" ;;
	_sluice) sed -n "/^	$2) shift/,/;;\$/p" ;;
	sluice.fish) grep "subcommand_from $2'" ;;
	esac <"$pages/$1"
}

# ${1} has every flag that --help prints with the command that takes it; ${2} turns it into what it is
# there.
complete() {
	count=0
	for command in $commands; do
		section "$1" "$command" >"$work/section"
		for flag in $("$sluice" "$command" --help | grep -oE '^ +(-[a-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+$'); do
			grep -q -F -e "$(echo "$flag" | sed "$2")" "$work/section" ||
				{ echo "$1: $command lacks $flag"; return 1; }
			count=$((count + 1))
		done
	done
	[ "$count" -gt 35 ] || { echo "$count flags"; return 1; }
}

# The words that bash offers behind ${1}, a space at its end for a new word, are ${2}.
bash_offers() {
	offered=$(bash -c '. "$0/sluice.bash"
		read -ra COMP_WORDS <<<"$1"
		case $1 in *" ") COMP_WORDS+=("") ;; esac
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_sluice
		echo "${COMPREPLY[*]}"' "$pages" "$1")
	[ "$offered" = "$2" ] || { echo "$1: $offered"; return 1; }
}

bash_completes() {
	bash_offers "sluice val" "validate" && bash_offers "sluice run --sh" "--shards --shutdown-timeout" &&
		bash_offers "sluice --conf" "--config" && bash_offers "sluice policy e" "explain" &&
		bash_offers "sluice run --shards " "" && bash_offers "sluice run --config config" "configs"
}

# ---- image -----------------------------------------------------------------------------------
made=$work/image

# The blob that a descriptor in ${1} names, by its media type's end ${2}, after a look at its digest.
blob() {
	name=$(grep -oE "$2\",\"digest\":\"sha256:[0-9a-f]{64}" "$1" | grep -oE '[0-9a-f]{64}$')
	echo "$name  $made/layout/blobs/sha256/$name" | sha256sum --check --status &&
		echo "$made/layout/blobs/sha256/$name"
}

image_is_whole() {
	manifest=$(blob "$made/layout/index.json" 'manifest.v1[+]json') &&
		config=$(blob "$manifest" 'config.v1[+]json') &&
		layer=$(blob "$manifest" 'tar[+]gzip') &&
		gunzip -c "$layer" | sha256sum | cut -d ' ' -f 1 >"$work/diff" &&
		grep -q "\"diff_ids\":\[\"sha256:$(cat "$work/diff")\"\]" "$config" || return 1
	for json in "$made/layout/index.json" "$manifest" "$config"; do
		perl -MJSON::PP -0777 -ne 'decode_json($_)' "$json" || return 1
	done
	grep -F '"User":"10001:10001"' "$config"
}

image_is_small_and_bare() {
	[ "$(stat -c %s "$made"/*.oci.tar)" -lt 30000000 ] || return 1
	[ -x "$made/root/sluice" ] && ! find "$made/root" -type f -name '*sh' | grep . &&
		! find "$made/root" -perm /6000 | grep .
}

# In the image's files alone: the loader finds every library.
image_runs() {
	if [ "$(id -u)" -eq 0 ]; then
		chroot --userspec=10001:10001 "$made/root" /sluice --version
	else
		unshare --map-root-user chroot "$made/root" /sluice --version
	fi >"$work/said"
	grep "^sluice version $number" "$work/said"
}

image_is_the_same_again() {
	packaging/image "$sluice" "$work/again" && cmp "$made"/*.oci.tar "$work/again"/*.oci.tar
}

# As the Dockerfile: entry point, arguments, user and ports.
image_agrees_with_the_dockerfile() {
	config=$(blob "$(blob "$made/layout/index.json" 'manifest.v1[+]json')" 'config.v1[+]json')
	for directive in 'USER 10001:10001' 'ENTRYPOINT ["/sluice"]' \
		'CMD ["--config", "/etc/sluice/config.yaml"]'; do
		grep -q -x -F "$directive" deploy/Dockerfile || return 1
	done
	for port in $(sed -n 's/^EXPOSE //p' deploy/Dockerfile); do
		grep -q "\"$port/tcp\"" "$config" || { echo "port $port"; return 1; }
	done
}

# ---- packages --------------------------------------------------------------------------------
packages_used() { packaging/libraries "$sluice" | cut -d ' ' -f 2 | grep -v -x libc6 | sort -u; }

# The Dockerfile installs the libraries that the program is loaded with, and no others.
dockerfile_has_the_libraries() {
	sed -n '/^FROM debian:12-slim/,$p' deploy/Dockerfile | sed -n '/apt-get install/,/rm -rf/p' |
		grep -oE '\blib[a-z0-9.+-]+' | grep -v '^lib/apt' | sort -u >"$work/installed"
	packages_used >"$work/used"
	diff "$work/used" "$work/installed"
}

list_of_parts_has_the_libraries() {
	packaging/sbom "$sluice" "$work/sbom" || return 1
	perl -MJSON::PP -0777 -ne '
		my $d = decode_json($_);
		my %linked = map { $_->{relatedSpdxElement} => $_->{relationshipType} } @{$d->{relationships}};
		for (@{$d->{packages}}) {
			$_->{versionInfo} =~ /^\d/ && $linked{$_->{SPDXID}} or die "$_->{name}\n";
			print "$_->{name}\n" if $linked{$_->{SPDXID}} eq "DYNAMIC_LINK";
		}
		$linked{"SPDXRef-libre2-dev"} eq "STATIC_LINK" or die "RE2\n"' \
		"$work"/sbom/*.json | grep -v -x libc6 >"$work/listed" || return 1
	packages_used | diff - "$work/listed"
}

check "the version names the commit" version_names_the_commit
check "without git it is the number alone" without_git_there_is_no_commit
check "the changelog has the version" changelog_has_the_version
packaging/pages "$sluice" "$pages" >"$work/output" 2>&1 || cat "$work/output"
check "the manual page has every command and flag" complete sluice.1 's/-/\\-/g'
check "so has the completion of bash" complete sluice.bash ''
check "so has that of zsh" complete _sluice ''
check "so has that of fish" complete sluice.fish 's/^--/-l /'
check "bash completes with it" bash_completes
packaging/image "$sluice" "$made" >"$work/output" 2>&1 || cat "$work/output"
check "the image is whole" image_is_whole
check "it is small, with no shell and no rights" image_is_small_and_bare
check "it runs as an ordinary user" image_runs
check "it is the same when made again" image_is_the_same_again
check "it is what the Dockerfile describes" image_agrees_with_the_dockerfile
check "the Dockerfile installs what the program is linked to" dockerfile_has_the_libraries
check "the list of parts has the same" list_of_parts_has_the_libraries
finish
