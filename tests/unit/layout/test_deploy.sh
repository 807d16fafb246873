#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What deploy/ and the documents say about configurations: files that exist and are valid, ports that
# are listened on, variables that are set.
set -u
. "$(dirname "$0")/tap.sh"

sluice=${SLUICE_BIN:-bin/sluice}
cluster=configs/cluster.yaml
manifest=deploy/kubernetes/sluice.yaml

named_in() { # files and folders: the names of shipped configurations in there
	grep -rhoE '\bconfigs/[a-z0-9-]+\.yaml' "$@" | sort -u
}

exist() {
	[ $# -gt 0 ] && ls "$@"
}

# Silent, with the secrets that the manifests set.
valid() {
	for config; do
		LANGFUSE_PUBLIC_KEY=x LANGFUSE_SECRET_KEY=x "$sluice" validate --quiet --config "$config" >"$work/said" 2>&1 &&
			[ ! -s "$work/said" ] || { echo "$config:"; cat "$work/said"; return 1; }
	done
}

# Variables without a default that ${1} wants are set by ${2}.
variables_are_set() {
	wanted=$(sed -n '/^ *#/d; s/.*\${env:\([A-Z_]*\)}.*/\1/p' "$1" | sort -u)
	[ -n "$wanted" ] || { echo "no variable in $1"; return 1; }
	for name in $wanted; do
		grep -q -- "- name: $name\$" "$2" || { echo "$name is not set in $2"; return 1; }
	done
}

# The program reads the manifest beside a configuration: well-formed YAML, each key and anchor once,
# and nothing in it but Kubernetes documents.
manifest_is_read() {
	{ cat "$cluster"; echo ---; cat "$manifest"; } >"$work/both.yaml"
	valid "$work/both.yaml"
}

# The keys that ${1} takes from its secret are those that the command in its first lines makes.
secrets_are_made() {
	keys=$(sed -n '/secretKeyRef:/,/key:/s/^ *key: //p' "$1" | sort)
	made=$(sed -n 's/^#.*--from-literal=\([a-z-]*\)=.*/\1/p' "$1" | sort)
	[ -n "$keys" ] && [ "$keys" = "$made" ] || { echo "$1: takes $keys, made $made"; return 1; }
}

# The ports on which ${cluster} listens are those of the container and of the manifest.
ports_agree() {
	ports=$(sed -n 's/^ *endpoint: 0\.0\.0\.0:\([0-9]*\)$/\1/p; s/^ *port: \([0-9]*\)$/\1/p' $cluster)
	[ "$(echo "$ports" | wc -l)" -eq 4 ] || { echo "ports: $ports"; return 1; }
	for port in $ports; do
		grep -q "containerPort: $port\$" $manifest || { echo "$port: $manifest"; return 1; }
		grep -q "^EXPOSE.* $port\b" deploy/Dockerfile || { echo "$port: Dockerfile"; return 1; }
	done
}

# Each use of the program in the unit is a command line that it takes.
unit_runs_the_program() {
	sed -n 's/^ExecStart[Pre]*=.*\/sluice //p' deploy/systemd/sluice.service >"$work/uses"
	[ "$(wc -l <"$work/uses")" -eq 2 ] || { cat "$work/uses"; return 1; }
	while read -r use; do
		case $use in
		"validate --config %d/config.yaml" | "--config %d/config.yaml") ;;
		*) echo "$use"; return 1 ;;
		esac
	done <"$work/uses"
	grep -q '^LoadCredential=config.yaml:' deploy/systemd/sluice.service
}

# shellcheck disable=SC2046 # names without spaces
check "configurations that are named exist" \
	exist $(named_in README.md CONTRIBUTING.md docs deploy tests/interop/run cmd)
# shellcheck disable=SC2046
check "what deploy/ installs is valid" valid $(named_in deploy)
check "all shipped configurations are valid" valid configs/*.yaml
check "the manifest sets the variables of its configuration" variables_are_set $cluster $manifest
check "the operator's resource sets its own" \
	variables_are_set configs/llm-d-operator.yaml configs/llm-d-operator.yaml
check "the manifest is well-formed" manifest_is_read
check "the manifest takes the secret that its command makes" secrets_are_made $manifest
check "the operator's resource does so, too" secrets_are_made configs/llm-d-operator.yaml
check "container and manifest have the ports of the configuration" ports_agree
check "the service unit runs the program" unit_runs_the_program
finish
