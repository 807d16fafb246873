#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The package installer against a made-up system: what it asks apt for, when it stays silent, and
# what it says when it cannot install anything.
set -u
here=$(dirname "$0")
. "$here/tap.sh"

bin=$work/bin
mkdir -p "$bin" "$work/.ci"
cp .ci/install-packages "$work/.ci/"
cat >"$work/packages.txt" <<'END'
# A comment that opens no group
# build: to build
gcc
libuv1-dev

# test: to test
libcmocka-dev

# peers: a package that its command makes dispensable
nodejs node
END

command_of() { # name, then the lines of its script
	file=$bin/$1
	shift
	printf '%s\n' '#!/bin/sh' "$@" >"$file"
	chmod +x "$file"
}

# $1: the packages that are installed, $2: the user's id, $3: "sudo" if there is one
system() {
	rm -f "$bin"/* "$work/calls"
	for tool in sh awk dirname printf env cat; do
		ln -s "$(command -v $tool)" "$bin/$tool"
	done
	command_of id "echo $2"
	command_of dpkg-query "for p in $1; do echo installed \$p:amd64; done" \
		"echo config-files libcmocka-dev" "exit 1"
	command_of apt-get "echo \"apt-get \$*\" >>$work/calls"
	[ "$3" = sudo ] && command_of sudo "echo sudo >>$work/calls" 'exec "$@"'
	return 0
}

installer() { PATH=$bin "$work/.ci/install-packages" "$@" >"$work/said" 2>&1; }

silent_and_idle() {
	installer "$@" && [ ! -s "$work/said" ] && [ ! -e "$work/calls" ]
}

asks_for() {
	expected=$1
	shift
	installer "$@" || { cat "$work/said"; return 1; }
	cat "$work/calls"
	[ "$(sed -n 's/.*--no-install-recommends //p' "$work/calls")" = "$expected" ] &&
		grep -q '^apt-get -qq update$' "$work/calls"
}

fails_saying() {
	expected=$1
	shift
	installer "$@" && return 1
	cat "$work/said"
	grep -F "$expected" "$work/said" && [ ! -e "$work/calls" ]
}

system "gcc libuv1-dev libcmocka-dev nodejs" 0 no
check "does nothing and says nothing when all is there" silent_and_idle
system "gcc" 0 no
check "asks for the missing ones of all groups" asks_for 'libuv1-dev libcmocka-dev nodejs'
system "gcc" 0 no
check "asks for the missing ones of one group" asks_for 'libuv1-dev' build
system "gcc libuv1-dev" 0 no
check "a group that is complete needs nothing" silent_and_idle build
system "gcc libuv1-dev" 0 no
check "a package that left its configuration behind is missing" asks_for 'libcmocka-dev' build test
system "" 0 no
command_of node true
check "a command that is there needs no package" silent_and_idle peers
system "gcc nodejs" 1000 sudo
check "uses sudo when not root" asks_for 'libuv1-dev libcmocka-dev'
check "uses it for both calls" test "$(grep -c '^sudo$' "$work/calls")" -eq 2
system "gcc nodejs" 1000 no
check "names what is missing when it cannot install" \
	fails_saying 'apt-get install libuv1-dev libcmocka-dev'
system "gcc" 0 no
check "refuses a group that is not in the list" fails_saying 'no group nonsense' nonsense
check "every package of the list has a group and a plausible name" \
	awk '/^# [a-z]+:/ { group = 1; next } /^#/ || NF == 0 { next }
		!group || NF > 2 || $1 !~ /^[a-z0-9][a-z0-9.+-]+$/ { print; bad = 1 }
		END { exit bad }' packages.txt
finish
