#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The direction of includes: the rule holds for this tree, and the checker finds each kind of breach
# when one is planted in a copy of a small tree.
set -u
here=$(dirname "$0")
. "$here/tap.sh"
tree=$work/tree

write() { # path, then one line of text per argument
	mkdir -p "$tree/$(dirname "$1")"
	path=$1
	shift
	printf '%s\n' "$@" >"$tree/$path"
}

sound_tree() {
	rm -rf "$tree"
	write pipeline/base/slice.h '#include <stddef.h>'
	write pipeline/base/arena.h '#include "pipeline/base/slice.h"'
	write pipeline/trace/otlp/index.h '#include "pipeline/base/arena.h"'
	write pipeline/config/tree.h '#include "pipeline/base/arena.h"'
	write pipeline/net/tls.h '#include "pipeline/config/tree.h"'
	write pipeline/net/server.c '#include "status.pb-c.h"' '#include <llhttp.h>'
	write pipeline/ottl/ottl.h '#include "pipeline/trace/otlp/index.h"'
	write pipeline/delivery/batch.h '#include "pipeline/trace/otlp/index.h"' \
		'#include "pipeline/net/tls.h"' '#include "pipeline/config/tree.h"'
	write pipeline/graph/component.h '#include "pipeline/delivery/batch.h"' \
		'#include "pipeline/ottl/ottl.h"'
	write pipeline/graph/components.def 'COMPONENT(receiver, otlp)' 'COMPONENT(exporter, nop)' \
		'COMPONENT(exporter, jaeger)' 'COMPONENT(processor, resource)'
	write receivers/otlp/otlp.c '#include "pipeline/graph/component.h"' \
		'#include "receivers/otlp/grpc.h"'
	write receivers/otlp/grpc.h '#include "pipeline/net/server.h"'
	write exporters/nop/nop.c '  #  include "pipeline/graph/component.h"'
	write exporters/otlp/otlp_client.h '#include "pipeline/graph/component.h"'
	write exporters/otlp/otlp_client.c '#include "exporters/otlp/otlp_client.h"'
	write exporters/jaeger/jaeger.c '#include "exporters/otlp/otlp_client.h"'
	write processors/attribute_actions/actions.h '#include "pipeline/graph/component.h"'
	write processors/resource/resource.c '#include "processors/attribute_actions/actions.h"'
	write cmd/sluice.c '#include "receivers/otlp/grpc.h"' '#include "cmd/run.h"'
}

accepts() { "$here/check_includes" "$tree"; }

# expected text of the complaint, then a file and its lines
refuses() {
	expected=$1
	shift
	sound_tree
	write "$@"
	found=$("$here/check_includes" "$tree") && { echo "accepted"; return 1; }
	[ "$found" = "$expected" ] || { echo "said: $found"; return 1; }
}

sound_tree
check "a sound tree passes" accepts

check "a component must not include another" refuses \
	'exporters/nop/nop.c:2: component exporters/nop includes component receivers/otlp' \
	exporters/nop/nop.c '#include <stdio.h>' '#include "receivers/otlp/grpc.h"'
check "a component outside of the family must not include what it shares" refuses \
	'exporters/nop/nop.c:1: exporters/nop is not of the family processors/attribute_actions' \
	exporters/nop/nop.c '#include "processors/attribute_actions/actions.h"'
check "the core must not include a component" refuses \
	'pipeline/graph/graph.c:1: the core includes component receivers/otlp' \
	pipeline/graph/graph.c '#include "receivers/otlp/grpc.h"'
check "a family's folder is not for others" refuses \
	'exporters/nop/nop.c:1: exporters/nop is not of the family exporters/otlp' \
	exporters/nop/nop.c '#include "exporters/otlp/otlp_client.h"'
check "a family does not know its members" refuses \
	'exporters/otlp/otlp_client.c:1: family exporters/otlp includes component exporters/jaeger' \
	exporters/otlp/otlp_client.c '#include "exporters/jaeger/jaeger.h"'
check "the core does not know a family" refuses \
	'pipeline/graph/graph.c:1: the core includes family exporters/otlp' \
	pipeline/graph/graph.c '#include "exporters/otlp/otlp_client.h"'
check "a family's folder is no component" refuses \
	'exporters/otlp/: a family of components is no COMPONENT itself' \
	pipeline/graph/components.def 'COMPONENT(receiver, otlp)' 'COMPONENT(exporter, nop)' \
	'COMPONENT(exporter, jaeger)' 'COMPONENT(processor, resource)' 'COMPONENT(exporter, otlp)'
check "the core names no vendor" refuses \
	'pipeline/delivery/job.c:1: the core names a vendor' \
	pipeline/delivery/job.c '/* Langfuse answers 500 */'
check "nothing includes cmd" refuses \
	'exporters/nop/nop.c:1: nothing includes cmd' \
	exporters/nop/nop.c '#include "cmd/run.h"'
check "base stands alone" refuses \
	'pipeline/base/arena.c:1: pipeline/base must not include pipeline/trace/otlp' \
	pipeline/base/arena.c '#include "pipeline/trace/otlp/index.h"'
check "trace does not know the network" refuses \
	'pipeline/trace/otlp/index.c:1: pipeline/trace/otlp must not include pipeline/net' \
	pipeline/trace/otlp/index.c '#include "pipeline/net/tls.h"'
check "the rooms of trace have arrows of their own" refuses \
	'pipeline/trace/value/value.c:1: pipeline/trace/value must not include pipeline/trace/otlp' \
	pipeline/trace/value/value.c '#include "pipeline/trace/otlp/index.h"'
check "config and net do not form a circle" refuses \
	'pipeline/config/tree.c:1: pipeline/config must not include pipeline/net' \
	pipeline/config/tree.c '	#	include	"pipeline/net/tls.h"'
check "delivery does not know the graph" refuses \
	'pipeline/delivery/queue.c:1: pipeline/delivery must not include pipeline/graph' \
	pipeline/delivery/queue.c '#include "pipeline/graph/component.h"'
check "a module outside the design is refused" refuses \
	'pipeline/util/misc.c:1: pipeline/util is no module of the design' \
	pipeline/util/misc.c '#include "pipeline/base/slice.h"'
check "a path that does not start at the root is refused" refuses \
	'exporters/nop/nop.c:1: "../../receivers/otlp/grpc.h" is no path from the root of the tree' \
	exporters/nop/nop.c '#include "../../receivers/otlp/grpc.h"'
check "the index is read through a view" refuses \
	'exporters/nop/nop.c:2: reads the index of a request past pipeline/trace/otlp/view.h' \
	exporters/nop/nop.c '#include "pipeline/trace/otlp/view.h"' 'const struct span_entry *span;'
check "the inside of a view is nobody's" refuses \
	'exporters/nop/nop.c:1: reads the index of a request past pipeline/trace/otlp/view.h' \
	exporters/nop/nop.c 'count = call->view->index.span_count;'
check "a component that is not in the list is refused" refuses \
	'processors/filter/: pipeline/graph/components.def has no COMPONENT(processor, filter)' \
	processors/filter/filter.c '#include "pipeline/graph/component.h"'
check "a missing list is refused" refuses \
	"$(printf '%s\n' \
		'receivers/otlp/: pipeline/graph/components.def has no COMPONENT(receiver, otlp)' \
		'processors/resource/: pipeline/graph/components.def has no COMPONENT(processor, resource)' \
		'exporters/jaeger/: pipeline/graph/components.def has no COMPONENT(exporter, jaeger)' \
		'exporters/nop/: pipeline/graph/components.def has no COMPONENT(exporter, nop)')" \
	pipeline/graph/components.def ''
for name in '"llm_d.epp.pick"' '"semantic_router.signal"' '"llm_request"' '"llm-d-router/"'; do
	check "a name of the LLM stack outside the vocabulary is refused: $name" refuses \
		'exporters/nop/nop.c:1: names a span, scope or key of the LLM stack: pipeline/vocabulary/llm_stack.def does' \
		exporters/nop/nop.c "is_one = slice_equal(name, SLICE($name));"
done

check "the includes of this tree point one way" "$here/check_includes" .
finish
