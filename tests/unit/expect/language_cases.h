/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of test_language.c: lines of an expectation, and the verdict. */
/* clang-format off */
	{"in: each trace\n"
	 "spans: 'name == \"request\"'\n"
	 "count: 1",
	 "holds"},
	{"in: each trace\n"
	 "spans: 'name == \"engine\"'\n"
	 "count: 2",
	 "failed traces 1/2 spans 0/2 @ 2 1\n"
	 "5:10 count: the number of selected spans is 0, wanted 2\n"
	 "4:11 name == \"engine\": is not true [name=request]"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "spans: 'name == \"engine\"'\n"
	 "count: 2",
	 "holds"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "spans: 'name == \"engine\"'\n"
	 "count: {max: 1}",
	 "failed traces 1/1 spans 0/2 @ 1 3\n"
	 "6:10 count: the number of selected spans is 2, wanted at most 1"},
	{"in: one trace\n"
	 "spans: 'name == \"engine\"'\n"
	 "count: 2",
	 "holds"},
	{"in: one trace\n"
	 "spans: 'name == \"engine\"'\n"
	 "count: 3",
	 "failed traces 2/2 spans 0/2 @ 1 1\n"
	 "5:10 count: the number of selected spans is 2, wanted 3\n"
	 "4:11 name == \"engine\": is not true [name=request]"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "count: {min: 2, max: 2}",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "count: {min: 3}",
	 "failed traces 0/2 spans 0/2 @ 1 1\n"
	 "5:10 count: the number of selected spans is 2, wanted at least 3\n"
	 "4:11 name == \"engine\": is not true [name=request]"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "count: {max: 1}",
	 "failed traces 0/2 spans 0/2 @ 1 3\n"
	 "5:10 count: the number of selected spans is 2, wanted at most 1"},
	{"in: all traces\n"
	 "spans: 'name == \"engines\"'",
	 "nothing traces 0/2 spans 0/0 @ 1 3\n"
	 "2:3 count: the number of selected spans is 0, wanted at least 1\n"
	 "4:11 name == \"engines\": is not true [name=engine] (near engines)"},
	{"in: all traces\n"
	 "spans: 'name == \"unheard\" and kind == SPAN_KIND_CLIENT'",
	 "nothing traces 0/2 spans 0/0 @ 1 5\n"
	 "2:3 count: the number of selected spans is 0, wanted at least 1\n"
	 "4:11 name == \"unheard\": is not true [name=inner]"},
	{"in: all traces\n"
	 "spans: 'name == \"engines\"'\n"
	 "count: 0",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "count: 0",
	 "failed traces 0/2 spans 0/2 @ 1 3\n"
	 "5:10 count: the number of selected spans is 2, wanted 0"},
	{"in: each trace\n"
	 "where: 'name == \"motor\"'\n"
	 "roots: 1",
	 "nothing traces 0/0 spans 0/0 @ 1 1\n"
	 "2:3 traces: the number of traces spoken of is 0, wanted at least 1\n"
	 "4:11 name == \"motor\": is not true [name=request]"},
	{"in: each trace\n"
	 "where: 'name == \"motor\"'\n"
	 "spans: 'name == \"motor\"'\n"
	 "count: 0",
	 "nothing traces 0/0 spans 0/0 @ 1 1\n"
	 "2:3 traces: the number of traces spoken of is 0, wanted at least 1\n"
	 "4:11 name == \"motor\": is not true [name=request]"},
	{"in: each trace\n"
	 "where: 'name == \"motor\"'\n"
	 "traces: {min: 0}\n"
	 "roots: 7",
	 "holds"},
	{"in: each trace\n"
	 "unless: 'name == \"engine\"'\n"
	 "spans: 'name == \"twin\"'\n"
	 "count: 2",
	 "holds"},
	{"in: each trace\n"
	 "traces: 3",
	 "failed traces 0/2 spans 0/12 @ nowhere\n"
	 "4:11 traces: the number of traces spoken of is 2, wanted 3"},
	{"in: all traces\n"
	 "spans: ['name == \"engine\"', 'status.code == STATUS_CODE_ERROR']\n"
	 "count: 1",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "must: 'attributes[\"prompt_tokens\"] == 7'",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "must: ['attributes[\"prompt_tokens\"] == 7 and attributes[\"output_tokens\"] == 20', 'kind == SPAN_KIND_CLIENT']",
	 "failed traces 1/2 spans 2/2 @ 1 4\n"
	 "5:85 kind == SPAN_KIND_CLIENT: is not true [kind=2]"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "must: 'not (IsMatch(name, \"^eng\") or kind == SPAN_KIND_CLIENT)'",
	 "failed traces 1/2 spans 2/2 @ 1 3\n"
	 "5:15 IsMatch(name, \"^eng\"): is true, and must not be [name=engine]"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "kind: server",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "kind: [internal, client]",
	 "failed traces 1/2 spans 2/2 @ 1 3\n"
	 "5:9 kind: is server, wanted internal or another"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "status: [unset, error]",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "status: unset",
	 "failed traces 1/2 spans 1/2 @ 1 3\n"
	 "5:11 status: is error, wanted unset"},
	{"in: all traces\n"
	 "spans: 'status.code == STATUS_CODE_ERROR'\n"
	 "status_message: {matches: ^bo+m$}",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'status.code == STATUS_CODE_ERROR'\n"
	 "status_message: {equal: bang}",
	 "failed traces 1/2 spans 1/1 @ 1 3\n"
	 "5:19 status_message: has another value [status_message=boom]"},
	{"in: all traces\n"
	 "spans: 'status.code == STATUS_CODE_ERROR'\n"
	 "status_message: absent",
	 "failed traces 1/2 spans 1/1 @ 1 3\n"
	 "5:19 status_message: is there [status_message=boom]"},
	{"in: all traces\n"
	 "spans: 'attributes[\"ok\"] != nil'\n"
	 "attributes:\n"
	 "  model: string\n"
	 "  tokens: int\n"
	 "  ratio: double\n"
	 "  ok: bool\n"
	 "  tags: array\n"
	 "  other: absent",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'attributes[\"ok\"] != nil'\n"
	 "attributes:\n"
	 "  model: int\n"
	 "  tokens: string\n"
	 "  ratio: absent\n"
	 "  other: present",
	 "failed traces 1/2 spans 1/1 @ 1 1\n"
	 "6:12 attributes: is a string, wanted an int [model=llama]\n"
	 "7:13 attributes: is an int, wanted a string [tokens=5]\n"
	 "8:12 attributes: is there [ratio=0.5]\n"
	 "9:12 attributes: is missing [other=]"},
	{"in: all traces\n"
	 "spans: 'attributes[\"ok\"] != nil'\n"
	 "attributes:\n"
	 "  model: {equal: llama, length: 5}\n"
	 "  tokens: {min: 5, max: 5, equal: 5.0}\n"
	 "  ratio: {one_of: [0.25, 0.5]}\n"
	 "  ok: {equal: true}\n"
	 "  other: {equal: 1, optional: true}",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'attributes[\"ok\"] != nil'\n"
	 "attributes:\n"
	 "  model: {matches: ^qwen}\n"
	 "  tokens: {min: 6}\n"
	 "  ratio: {one_of: [1, 2]}\n"
	 "  ok: {equal: false}\n"
	 "  tags: {length: {max: 1}}",
	 "failed traces 1/2 spans 1/1 @ 1 1\n"
	 "6:12 attributes: does not match [model=llama]\n"
	 "7:13 attributes: is no number within the bounds [tokens=5]\n"
	 "8:12 attributes: has none of the values [ratio=0.5]\n"
	 "9:9 attributes: has another value [ok=true]\n"
	 "10:11 attributes: has no length within the bounds [tags=[\"a\",\"b\"]]"},
	{"in: all traces\n"
	 "spans: 'name == \"request\"'\n"
	 "resource: {service.name: {equal: gateway}}",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"request\"'\n"
	 "resource: {service.version: present}",
	 "failed traces 2/2 spans 2/2 @ 1 1\n"
	 "5:31 resource: is missing [service.version=]"},
	{"in: all traces\n"
	 "spans: 'name == \"request\"'\n"
	 "scope: {commit: {equal: abc}}",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"request\"'\n"
	 "scope: {commit: {equal: abd}}",
	 "failed traces 2/2 spans 2/2 @ 1 1\n"
	 "5:19 scope: has another value [commit=abc]"},
	{"in: all traces\n"
	 "spans: 'name == \"request\"'\n"
	 "scope_name: {equal: gw}\n"
	 "scope_version: {equal: \"1.0\"}",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "scope_name: present",
	 "failed traces 1/2 spans 2/2 @ 1 3\n"
	 "5:15 scope_name: is missing [scope_name=]"},
	{"in: all traces\n"
	 "spans: 'name == \"request\"'\n"
	 "scope_version: {equal: \"2.0\"}",
	 "failed traces 2/2 spans 2/2 @ 1 1\n"
	 "5:18 scope_version: has another value [scope_version=1.0]"},
	{"in: all traces\n"
	 "spans: 'name == \"request\"'\n"
	 "absent: [prompt, exception.*]",
	 "holds"},
	{"in: all traces\n"
	 "absent: [prompt, exception.*, service]",
	 "failed traces 1/2 spans 1/12 @ 1 3\n"
	 "4:11 absent: stands on the span [prompt=CANARY-1]\n"
	 "4:11 absent: stands on an event [exception.type=Timeout]"},
	{"in: all traces\n"
	 "absent: link.*",
	 "failed traces 1/2 spans 1/12 @ 1 4\n"
	 "4:11 absent: stands on a link [link.kind=retry]"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "only: [prompt, model, \"prompt_tokens\", output_tokens]",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "only: [prompt.*, model]",
	 "failed traces 1/2 spans 2/2 @ 1 3\n"
	 "5:9 only: is not among the keys [prompt_tokens=7]"},
	{"in: all traces\n"
	 "spans: 'name == \"request\"'\n"
	 "denied_keys: 0",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "denied_keys: 0",
	 "failed traces 1/2 spans 1/2 @ 1 3\n"
	 "5:16 denied_keys: is denied by the policy [prompt=CANARY-1]"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "events: [{where: 'name == \"exception\"', count: {max: 1}, attributes: {exception.type: string}}]",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "events: [{where: 'name == \"exception\"', count: 1}]",
	 "failed traces 1/2 spans 1/2 @ 1 4\n"
	 "5:12 events: the number of these events is 0, wanted 1"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "events: [{where: 'name == \"exception\"', count: {min: 0}, attributes: {exception.type: {equal: Abort}}}]",
	 "failed traces 1/2 spans 1/2 @ 1 3\n"
	 "5:89 events: has another value [exception.type=Timeout]"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "links: {count: {max: 1}, attributes: {link.kind: {equal: retry}}}",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "links: {count: 0}",
	 "failed traces 1/2 spans 1/2 @ 1 4\n"
	 "5:10 links: the number of links is 1, wanted 0"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "links: {attributes: {link.kind: int}}",
	 "failed traces 1/2 spans 2/2 @ 1 3\n"
	 "5:10 links: the number of links is 0, wanted at least 1"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "parent: 'name == \"request\"'",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"inner\"'\n"
	 "parent: 'name == \"request\"'",
	 "failed traces 1/2 spans 1/1 @ 1 5\n"
	 "5:11 parent: the number of such parents is 0, wanted at least 1"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "spans: 'name == \"request\"'\n"
	 "child: {spans: 'name == \"engine\"', count: 2}",
	 "holds"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "spans: 'name == \"request\"'\n"
	 "child: 'name == \"inner\"'",
	 "failed traces 1/1 spans 1/1 @ 1 1\n"
	 "6:10 child: the number of such children is 0, wanted at least 1"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "spans: 'name == \"request\"'\n"
	 "descendant: 'name == \"inner\"'",
	 "holds"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "spans: 'name == \"request\"'\n"
	 "descendant: {spans: 'kind == SPAN_KIND_CLIENT', count: 0}",
	 "failed traces 1/1 spans 1/1 @ 1 1\n"
	 "6:15 descendant: the number of such descendants is 1, wanted 0"},
	{"in: all traces\n"
	 "spans: 'name == \"inner\"'\n"
	 "ancestor: 'name == \"request\"'",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"inner\"'\n"
	 "ancestor: 'name == \"route\"'",
	 "failed traces 1/2 spans 1/1 @ 1 5\n"
	 "5:13 ancestor: the number of such ancestors is 0, wanted at least 1"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "sibling: {spans: 'name == \"engine\"', count: 1}",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "sibling: {spans: 'name == \"route\"', count: 0}",
	 "failed traces 1/2 spans 2/2 @ 1 3\n"
	 "5:12 sibling: the number of such siblings is 1, wanted 0"},
	{"in: all traces\n"
	 "spans: 'name == \"route\"'\n"
	 "before: 'name == \"engine\"'",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "before: 'name == \"inner\"'",
	 "failed traces 1/2 spans 1/2 @ 1 4\n"
	 "5:11 before: one starts 60ms before this ends"},
	{"in: all traces\n"
	 "spans: 'name == \"route\"'\n"
	 "before: 'name == \"nothing\"'",
	 "failed traces 1/2 spans 1/1 @ 1 2\n"
	 "5:11 before: there is no such span"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "after: 'name == \"route\"'",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "after: 'name == \"engine\"'",
	 "failed traces 1/2 spans 1/2 @ 1 3\n"
	 "5:10 after: one ends 110ms after this starts"},
	{"in: all traces\n"
	 "spans: 'name == \"route\"'\n"
	 "after: 'name == \"nothing\"'",
	 "failed traces 1/2 spans 1/1 @ 1 2\n"
	 "5:10 after: there is no such span"},
	{"in: all traces\n"
	 "spans: 'name == \"route\"'\n"
	 "after: 'name == \"route\"'",
	 "failed traces 1/2 spans 1/1 @ 1 2\n"
	 "5:10 after: there is no such span"},
	{"in: all traces\n"
	 "spans: 'name == \"inner\"'\n"
	 "overlaps: 'name == \"engine\"'",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"route\"'\n"
	 "overlaps: 'name == \"engine\"'",
	 "failed traces 1/2 spans 1/1 @ 1 2\n"
	 "5:13 overlaps: no such span shares time with it"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "overlaps: 'name == \"engine\"'",
	 "failed traces 1/2 spans 2/2 @ 1 3\n"
	 "5:13 overlaps: no such span shares time with it"},
	{"in: all traces\n"
	 "spans: 'name == \"inner\"'\n"
	 "inside: 'name == \"engine\"'",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "inside: 'name == \"request\"'",
	 "failed traces 1/2 spans 1/2 @ 1 4\n"
	 "5:11 inside: it lies in the time of no such span"},
	{"in: all traces\n"
	 "spans: 'name == \"route\"'\n"
	 "gap: {to: 'name == \"engine\"', max: 5ms}",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"route\"'\n"
	 "gap: {to: 'name == \"engine\"', max: 4ms}",
	 "failed traces 1/2 spans 1/1 @ 1 2\n"
	 "5:8 gap: the gap is 5ms, wanted at most 4ms"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "gap: {to: 'name == \"engine\"', max: 1s}",
	 "failed traces 1/2 spans 1/2 @ 1 4\n"
	 "5:8 gap: no such span follows"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "duration: {min: 40ms, max: 70ms}",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "duration: {max: 50ms}",
	 "failed traces 1/2 spans 1/2 @ 1 4\n"
	 "5:13 duration: the duration is 70ms, wanted at most 50ms"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "within_parent: {except: 'attributes[\"output_tokens\"] != nil'}",
	 "holds"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "within_parent: true",
	 "failed traces 1/1 spans 1/5 @ 1 4\n"
	 "5:18 within_parent: it ends 30ms after its parent"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "within_parent: {tolerance: 30ms}",
	 "holds"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "spans: 'name == \"request\"'\n"
	 "children_fit: {tolerance: 20ms}",
	 "holds"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "spans: 'name == \"request\"'\n"
	 "children_fit: true",
	 "failed traces 1/1 spans 1/1 @ 1 1\n"
	 "6:17 children_fit: its children take 20ms more than it does"},
	{"in: all traces\n"
	 "value_bytes: {max: 8}",
	 "holds"},
	{"in: all traces\n"
	 "value_bytes: {max: 6}",
	 "failed traces 1/2 spans 1/12 @ 1 3\n"
	 "4:16 value_bytes: a text is too long [prompt=CANARY-1]\n"
	 "4:16 value_bytes: a text is too long [exception.type=Timeout]"},
	{"in: all traces\n"
	 "text: {none: [CANARY-2, SECRET]}",
	 "holds"},
	{"in: all traces\n"
	 "text: {none: [SECRET, CANARY]}",
	 "failed traces 1/2 spans 1/12 @ 1 3\n"
	 "4:25 CANARY: the text occurs [prompt=CANARY-1]"},
	{"in: all traces\n"
	 "spans: 'name == \"request\"'\n"
	 "text: {none: [CANARY]}",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"request\"'\n"
	 "text: {none: [gateway]}",
	 "failed traces 2/2 spans 2/2 @ 1 1\n"
	 "5:17 gateway: the text occurs [service.name=gateway]"},
	{"in: all traces\n"
	 "text: {none: [boom]}",
	 "failed traces 1/2 spans 1/12 @ 1 3\n"
	 "4:17 boom: the text occurs [status.message=boom]"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "roots: 1\n"
	 "orphans: 0\n"
	 "cycles: 0\n"
	 "duplicate_ids: 0\n"
	 "noise: 0\n"
	 "trace_spans: 5\n"
	 "trace_bytes: {max: 900}\n"
	 "trace_duration: {min: 130ms, max: 130ms}\n"
	 "services: [gateway, vllm]\n"
	 "services_only: [gateway, vllm]",
	 "holds"},
	{"in: each trace\n"
	 "unless: 'name == \"engine\"'\n"
	 "roots: 2\n"
	 "orphans: 0\n"
	 "cycles: 0\n"
	 "duplicate_ids: 0\n"
	 "noise: 0\n"
	 "trace_spans: {max: 6}\n"
	 "trace_bytes: {max: 100}\n"
	 "trace_duration: {max: 49ms}\n"
	 "services: [vllm]\n"
	 "services_only: [vllm]",
	 "failed traces 1/1 spans 0/7 @ 2\n"
	 "5:10 roots: the number of roots is 1, wanted 2\n"
	 "6:12 orphans: the number of spans without their parents is 1, wanted 0\n"
	 "7:11 cycles: the number of spans in circles is 2, wanted 0\n"
	 "8:18 duplicate_ids: the number of spans that share their id is 2, wanted 0\n"
	 "9:10 noise: the number of spans that are noise is 1, wanted 0\n"
	 "13:13 services: no span is of service \"vllm\"\n"
	 "14:18 services_only: a span is of another service [service.name=gateway]\n"
	 "10:16 trace_spans: the number of spans is 7, wanted at most 6\n"
	 "11:16 trace_bytes: the number of bytes is 466, wanted at most 100\n"
	 "12:19 trace_duration: the duration of the trace is 50ms, wanted at most 49ms"},
	{"in: each trace\n"
	 "unless: 'name == \"engine\"'\n"
	 "roots: 1\n"
	 "orphans: 1\n"
	 "cycles: 2\n"
	 "duplicate_ids: 2\n"
	 "noise: 1\n"
	 "trace_spans: 7",
	 "holds"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "capture:\n"
	 "  asked: {spans: 'name == \"request\"', value: 'attributes[\"model\"]'}\n"
	 "  ran: {spans: 'name == \"engine\"', value: 'attributes[\"model\"]'}\n"
	 "compare: [asked == ran, count(ran) == 1, count(ran) <= 3]",
	 "holds"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "capture:\n"
	 "  asked: {spans: 'name == \"request\"', value: 'attributes[\"model\"]'}\n"
	 "  kind: {value: name}\n"
	 "  none: {value: 'attributes[\"none\"]'}\n"
	 "compare: [asked == kind, kind == kind, asked != asked, asked == none]",
	 "failed traces 1/1 spans 0/5 @ 1\n"
	 "9:13 asked == kind: a capture has several values [asked=llama] [kind=request] [kind=route]\n"
	 "9:28 kind == kind: a capture has several values [kind=request] [kind=route] [kind=request] [kind=route]\n"
	 "9:42 asked != asked: is not so [asked=llama] [asked=llama]\n"
	 "9:58 asked == none: a capture has no value [asked=llama] [none=]"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "capture:\n"
	 "  in: {value: 'attributes[\"prompt_tokens\"]'}\n"
	 "  out: {value: 'attributes[\"output_tokens\"]'}\n"
	 "compare: [sum(in) == 14, min(in) == 7, max(in) <= 7, in < out, out > in, in == 7]",
	 "holds"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "capture:\n"
	 "  in: {value: 'attributes[\"prompt_tokens\"]'}\n"
	 "  out: {value: 'attributes[\"output_tokens\"]'}\n"
	 "compare: [sum(in) == 7, out <= in]",
	 "failed traces 1/1 spans 0/5 @ 1\n"
	 "8:13 sum(in) == 7: is not so [sum(in)=14]\n"
	 "8:27 out <= in: is not so [out=20] [in=7]"},
	{"in: each trace\n"
	 "where: 'name == \"engine\"'\n"
	 "capture:\n"
	 "  outer: {spans: 'kind == SPAN_KIND_SERVER', value: name, select: outermost}\n"
	 "  inner: {spans: 'kind == SPAN_KIND_SERVER', value: name, select: innermost}\n"
	 "  all: {spans: 'kind == SPAN_KIND_SERVER', value: name}\n"
	 "compare: [count(outer) == 1, count(inner) == 2, count(all) == 3]",
	 "holds"},
	{"in: all traces\n"
	 "capture:\n"
	 "  model: {value: 'attributes[\"model\"]'}\n"
	 "  in: {value: 'attributes[\"prompt_tokens\"]'}\n"
	 "compare: [count(model) == 4, sum(in) == 14, in == 7]",
	 "holds"},
	{"in: all traces\n"
	 "capture:\n"
	 "  model: {value: 'attributes[\"model\"]'}\n"
	 "  in: {value: 'attributes[\"prompt_tokens\"]'}\n"
	 "compare: [model == model, sum(in) < 14]",
	 "failed traces 0/2 spans 0/12 @ nowhere\n"
	 "7:13 model == model: a capture has several values\n"
	 "7:29 sum(in) < 14: is not so [sum(in)=14]"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "percentile: [{p: 50, value: duration, max: 40ms}, {p: 95, max: 70ms}, {p: 100, value: 'attributes[\"prompt_tokens\"]', min: 7, max: 7}]",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"engine\"'\n"
	 "percentile: [{p: 51, value: duration, max: 40ms}, {p: 50, value: 'attributes[\"none\"]', max: 1}]",
	 "failed traces 0/2 spans 0/2 @ nowhere\n"
	 "5:16 percentile: p51 is 70ms, wanted at most 40ms\n"
	 "5:15 percentile: there are no numbers"},
	{"in: all traces\n"
	 "sampled: {ratio: 0.1, of: 20}",
	 "holds"},
	{"in: all traces\n"
	 "sampled: {ratio: 0.1, of: 1000}",
	 "failed traces 0/2 spans 0/12 @ nowhere\n"
	 "4:12 sampled: 2 of 1000 traces came, about 100 wanted (ratio 0.1, confidence 0.999)"},
	{"in: all traces\n"
	 "sampled: {ratio: 1, of: 2}",
	 "holds"},
	{"in: all traces\n"
	 "sampled: {ratio: 0.5, of: 1}",
	 "failed traces 0/2 spans 0/12 @ nowhere\n"
	 "4:12 sampled: 2 of 1 traces came, about 0.5 wanted (ratio 0.5, confidence 0.999)"},
