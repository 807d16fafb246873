/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of test_bad_files.c: a file, and what is said of it. */
/* clang-format off */
	{"",
	 "Error: there are no expectations (test.yaml)\n"},
	{"expect: []\n",
	 "Error: there are no expectations (test.yaml)\n"},
	{"expects:\n"
	 "- that: t\n",
	 "Error: '' has invalid keys: expects (test.yaml:1:1: expects, did you mean \"expect\"?)\n"},
	{"expect: 5\n",
	 "Error: 'expect' source data must be an array or slice, got int (test.yaml:1:9: expect)\n"},
	{"expect:\n"
	 "- 5\n",
	 "Error: 'expect[0]' expected a map, got 'int' (test.yaml:2:3: expect[0])\n"},
	{"- a\n",
	 "Error: retrieved value (type=[]interface {}) cannot be used as a Conf (test.yaml:1:1)\n"},
	{"expect: [\n",
	 "Error: retrieved value (type=string) cannot be used as a Conf: assuming string type since contents are not valid YAML: yaml: line 2: did not find expected node content (test.yaml:2:1)\n"},
	{"expect:\n"
	 "- in: all traces\n"
	 "  roots: 1\n",
	 "Error: 'that' is required: say what is expected (test.yaml:2:3: expect[0])\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  roots: 1\n",
	 "Error: 'in' is required: \"each trace\", \"one trace\" or \"all traces\" (test.yaml:2:3: expect[0])\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: every trace\n"
	 "  roots: 1\n",
	 "Error: 'expect[0].in' unknown value \"every trace\" (valid values: [each trace one trace all traces]) (test.yaml:3:7: expect[0].in)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n",
	 "Error: the expectation says nothing (test.yaml:2:3: expect[0])\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  span: engine\n",
	 "Error: 'expect[0]' has invalid keys: span (test.yaml:4:3: expect[0].span, did you mean \"spans\"?)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  atributes: {a: int}\n",
	 "Error: 'expect[0]' has invalid keys: atributes (test.yaml:4:3: expect[0].atributes, did you mean \"attributes\"?)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: many\n",
	 "Error: expected a whole number from 0 on (test.yaml:4:10: expect[0].roots)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: -1\n",
	 "Error: expected a whole number from 0 on (test.yaml:4:10: expect[0].roots)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: 1.5\n",
	 "Error: expected a whole number from 0 on (test.yaml:4:10: expect[0].roots)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: {}\n",
	 "Error: expected 'min' or 'max' (test.yaml:4:10: expect[0].roots)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: {min: 3, max: 2}\n",
	 "Error: 'min' is above 'max' (test.yaml:4:10: expect[0].roots)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: {minn: 3}\n",
	 "Error: 'expect[0].roots' has invalid keys: minn (test.yaml:4:11: expect[0].roots.minn, did you mean \"min\"?)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  count: {max: x}\n",
	 "Error: expected a whole number from 0 on (test.yaml:4:16: expect[0].count)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  spans: name ==\n",
	 "Error: unable to parse OTTL condition \"name ==\": condition has invalid syntax: 1:8: unexpected token \"<EOF>\" (expected Value) (test.yaml:4:17: expect[0].spans)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  spans: \"name == 'a'\"\n",
	 "Error: unable to parse OTTL condition \"name == 'a'\": condition has invalid syntax: 1:9: invalid input text \"'a'\" (test.yaml:4:19: expect[0].spans)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  spans: nam == \"a\"\n",
	 "Error: unable to parse OTTL condition \"nam == \\\"a\\\"\": segment \"nam\" from path \"nam\" is not a valid path nor a valid OTTL keyword for the Span context - review https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/pkg/ottl/contexts/ottlspan to see all valid paths (test.yaml:4:10: expect[0].spans)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  spans: []\n",
	 "Error: an empty selector selects nothing (test.yaml:4:10: expect[0].spans)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  spans: {a: b}\n",
	 "Error: expected a name or an OTTL condition (test.yaml:4:10: expect[0].spans)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  spans: engine\n",
	 "Error: \"engine\" is not defined (test.yaml:4:10: expect[0].spans)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  spans: not engine\n",
	 "Error: \"engine\" is not defined (test.yaml:4:10: expect[0].spans)\n"},
	{"import: vllm\n"
	 "expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  spans: engin\n",
	 "Error: \"engin\" is not defined (test.yaml:5:10: expect[0].spans, did you mean \"engine\"?)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  spans: ['kind == SPAN_KIND_SERVER', 'IsMatch(name, \"(\")']\n",
	 "Error: unable to parse OTTL condition \"IsMatch(name, \\\"(\\\")\": couldn't create function: the regex pattern supplied to IsMatch is not a valid pattern: error parsing regexp: missing closing ): `(` (test.yaml:4:40: expect[0].spans)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  spans: 'true'\n"
	 "  count: 0\n"
	 "  duration: {max: 1s}\n",
	 "Error: `count: 0` leaves no span to check (test.yaml:5:10: expect[0])\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  must: 5\n",
	 "Error: unable to parse OTTL condition \"5\": condition has invalid syntax: 1:2: unexpected token \"<EOF>\" (expected <opcomparison> Value) (test.yaml:4:10: expect[0].must)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  must: []\n",
	 "Error: an empty list says nothing (test.yaml:4:9: expect[0].must)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  must: name\n",
	 "Error: unable to parse OTTL condition \"name\": condition has invalid syntax: 1:5: unexpected token \"<EOF>\" (expected <opcomparison> Value) (test.yaml:4:13: expect[0].must)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  must: {a: b}\n",
	 "Error: expected an OTTL condition (test.yaml:4:9: expect[0].must)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  kind: servr\n",
	 "Error: \"servr\" is none of the words (test.yaml:4:9: expect[0].kind, did you mean \"server\"?)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  status: [ok, failed]\n",
	 "Error: \"failed\" is none of the words (test.yaml:4:16: expect[0].status)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  attributes: int\n",
	 "Error: expected a map of attribute keys to value rules (test.yaml:4:15: expect[0].attributes)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  attributes: {}\n",
	 "Error: expected a map of attribute keys to value rules (test.yaml:4:15: expect[0].attributes)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  attributes: {a: itn}\n",
	 "Error: expected present, absent, a type (string, int, double, bool, bytes, array, map), or {equal: …} (test.yaml:4:19: expect[0].attributes.a, did you mean \"int\"?)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  attributes: {a: {equl: 1}}\n",
	 "Error: 'expect[0].attributes.a' has invalid keys: equl (test.yaml:4:20: expect[0].attributes.a.equl, did you mean \"equal\"?)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  attributes: {a: {equal: [1]}}\n",
	 "Error: expected a text, a number or a bool (test.yaml:4:27: expect[0].attributes.a)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  attributes: {a: {equal: 1, one_of: [2]}}\n",
	 "Error: 'equal' and 'one_of' exclude each other (test.yaml:4:19: expect[0].attributes.a)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  attributes: {a: {matches: \"(\"}}\n",
	 "Error: error parsing regexp: missing closing ): `(` (test.yaml:4:29: expect[0].attributes.a)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  attributes: {a: {min: x}}\n",
	 "Error: expected a number (test.yaml:4:25: expect[0].attributes.a)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  attributes: {a: {one_of: 1}}\n",
	 "Error: expected a list of values (test.yaml:4:28: expect[0].attributes.a)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  attributes: {a: {type: number}}\n",
	 "Error: expected present, absent, a type (string, int, double, bool, bytes, array, map), or {equal: …} (test.yaml:4:26: expect[0].attributes.a)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  attributes: {a: {type: [int]}}\n",
	 "Error: expected present, absent, a type (string, int, double, bool, bytes, array, map), or {equal: …} (test.yaml:4:26: expect[0].attributes.a)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  attributes: {a: 5}\n",
	 "Error: expected present, absent, a type (string, int, double, bool, bytes, array, map), or {equal: …} (test.yaml:4:19: expect[0].attributes.a)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  attributes: {a: }\n",
	 "Error: expected present, absent, a type (string, int, double, bool, bytes, array, map), or {equal: …} (test.yaml:4:19: expect[0].attributes.a)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  absent: \"*\"\n",
	 "Error: expected a key, or a.b.* for all below a.b (test.yaml:4:11: expect[0].absent)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  absent: [a.*.b]\n",
	 "Error: expected a key, or a.b.* for all below a.b (test.yaml:4:12: expect[0].absent)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  absent: [[a]]\n",
	 "Error: expected a key, or a.b.* for all below a.b (test.yaml:4:12: expect[0].absent)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  only: []\n",
	 "Error: an empty list says nothing (test.yaml:4:9: expect[0].only)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  must: []\n",
	 "Error: an empty list says nothing (test.yaml:4:9: expect[0].must)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  kind: []\n",
	 "Error: an empty list says nothing (test.yaml:4:9: expect[0].kind)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  compare: []\n",
	 "Error: an empty list says nothing (test.yaml:4:12: expect[0].compare)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  events: []\n",
	 "Error: an empty list says nothing (test.yaml:4:11: expect[0].events)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  events: {count: 1}\n",
	 "Error: expected a list of {where, count, attributes} (test.yaml:4:11: expect[0].events)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  events: [{where: name}]\n",
	 "Error: unable to parse OTTL condition \"name\": condition has invalid syntax: 1:5: unexpected token \"<EOF>\" (expected <opcomparison> Value) (test.yaml:4:24: expect[0].events)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  events: [{when: 1}]\n",
	 "Error: 'expect[0].events' has invalid keys: when (test.yaml:4:13: expect[0].events.when)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  links: 1\n",
	 "Error: 'expect[0].links' expected a map, got 'int' (test.yaml:4:10: expect[0].links)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  child: {span: name}\n",
	 "Error: 'expect[0].child' has invalid keys: span (test.yaml:4:11: expect[0].child.span, did you mean \"spans\"?)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  before: []\n",
	 "Error: an empty list says nothing (test.yaml:4:11: expect[0].before)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  gap: {max: 1s}\n",
	 "Error: 'to' is required: a selector (test.yaml:4:8: expect[0].gap)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  gap: {to: \"name == \\\"a\\\"\"}\n",
	 "Error: expected 'min' or 'max' (test.yaml:4:8: expect[0].gap)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  gap: 1s\n",
	 "Error: 'expect[0].gap' expected a map, got 'string' (test.yaml:4:8: expect[0].gap)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  duration: 5\n",
	 "Error: expected a duration such as 150ms (test.yaml:4:13: expect[0].duration)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  duration: {max: 5 parsecs}\n",
	 "Error: expected a duration such as 150ms (test.yaml:4:19: expect[0].duration)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  within_parent: yes\n",
	 "Error: expected true, or a map (test.yaml:4:18: expect[0].within_parent)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  within_parent: false\n",
	 "Error: expected true, or a map (test.yaml:4:18: expect[0].within_parent)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  children_fit: {except: a}\n",
	 "Error: 'expect[0].children_fit' has invalid keys: except (test.yaml:4:18: expect[0].children_fit.except)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  text: {}\n",
	 "Error: 'none' is required: the texts (test.yaml:4:9: expect[0].text)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  text: {none: [\"\"]}\n",
	 "Error: an empty text occurs everywhere (test.yaml:4:17: expect[0].text)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  text: CANARY\n",
	 "Error: 'expect[0].text' expected a map, got 'string' (test.yaml:4:9: expect[0].text)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  denied_keys: none\n",
	 "Error: expected a whole number from 0 on (test.yaml:4:16: expect[0].denied_keys)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  services: a\n",
	 "Error: expected a list of service names (test.yaml:4:13: expect[0].services)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  services: [{a: b}]\n",
	 "Error: expected a service name (test.yaml:4:14: expect[0].services)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  capture: {a: {value: name}}\n",
	 "Error: the expectation says nothing (test.yaml:2:3: expect[0])\n"
	 "Error: 'capture' without 'compare' says nothing (test.yaml:4:12: expect[0])\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  capture: 5\n"
	 "  compare: a == b\n",
	 "Error: expected a map of names to {spans, value} (test.yaml:4:12: expect[0].capture)\n"
	 "Error: \"a\" is neither a capture nor a number (test.yaml:5:12: expect[0].compare)\n"
	 "Error: \"b\" is neither a capture nor a number (test.yaml:5:12: expect[0].compare)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  capture: {a: {vale: name}}\n"
	 "  compare: a == a\n",
	 "Error: 'expect[0].capture.a' has invalid keys: vale (test.yaml:4:17: expect[0].capture.a.vale, did you mean \"value\"?)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  capture: {asked: {value: name}}\n"
	 "  compare: [aske == 1, asked, 1 == 1]\n",
	 "Error: \"aske\" is neither a capture nor a number (test.yaml:5:13: expect[0].compare, did you mean \"asked\"?)\n"
	 "Error: expected a comparison such as `asked == ran` or `sum(tokens) <= 100` (test.yaml:5:24: expect[0].compare)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  capture: {a: {value: nam}}\n"
	 "  compare: a == a\n",
	 "Error: unable to parse OTTL value expression \"nam\": segment \"nam\" from path \"nam\" is not a valid path nor a valid OTTL keyword for the Span context - review https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/pkg/ottl/contexts/ottlspan to see all valid paths (test.yaml:4:24: expect[0].capture.a)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  capture: {a: {value: 'name == \"x\"'}}\n"
	 "  compare: a == a\n",
	 "Error: unable to parse OTTL value expression \"name == \\\"x\\\"\": value expression has invalid syntax: 1:6: unexpected token \"==\" (expected <EOF>) (test.yaml:4:30: expect[0].capture.a)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  capture: {a: {value: name, select: outer}}\n"
	 "  compare: a == a\n",
	 "Error: 'expect[0].capture.a.select' unknown value \"outer\" (valid values: [all outermost innermost]) (test.yaml:4:38: expect[0].capture.a.select)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  percentile: {p: 5}\n",
	 "Error: expected a list of {p, value, min, max} (test.yaml:4:15: expect[0].percentile)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  percentile: [{max: 1s}]\n",
	 "Error: 'p' is required: above 0, at most 100 (test.yaml:4:16: expect[0].percentile)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  percentile: [{p: 101, max: 1s}]\n",
	 "Error: 'expect[0].percentile.p' must be between 0 and 100, got 101 (test.yaml:4:20: expect[0].percentile.p)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  percentile: [{p: 50}]\n",
	 "Error: expected 'min' or 'max' (test.yaml:4:16: expect[0].percentile)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  sampled: {ratio: 0.5}\n",
	 "Error: 'ratio' and 'of' are required (test.yaml:4:12: expect[0].sampled)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  sampled: {ratio: 2, of: 5}\n",
	 "Error: 'expect[0].sampled.ratio' must be between -1 and 1, got 2 (test.yaml:4:20: expect[0].sampled.ratio)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: each trace\n"
	 "  percentile: [{p: 50, max: 1s}]\n",
	 "Error: 'percentile' asks for `in: all traces` (test.yaml:4:15: expect[0])\n"},
	{"import: lmm-d\n"
	 "expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: 1\n",
	 "Error: there are no definitions of \"lmm-d\": neither a built-in set nor a path (test.yaml:1:9: import, did you mean \"llm-d\"?)\n"},
	{"import: llm-d@v7\n"
	 "expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: 1\n",
	 "Error: no release \"v7\" is known of \"llm-d\" (test.yaml:1:9: import)\n"},
	{"import: [none.yaml]\n"
	 "expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: 1\n",
	 "Error: open none.yaml: No such file or directory (test.yaml:1:10)\n"},
	{"import: self.yaml\n"
	 "expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: 1\n",
	 "Error: files import files deeper than 8 (self.yaml:1:9: import)\n"},
	{"import: bad.yaml\n"
	 "expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: 1\n",
	 "Error: unable to parse OTTL condition \"name ==\": condition has invalid syntax: 1:8: unexpected token \"<EOF>\" (expected Value) (bad.yaml:2:15: define.bad)\n"},
	{"import: {a: b}\n"
	 "expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: 1\n",
	 "Error: 'import' source data must be an array or slice, got map[string]interface {} (test.yaml:1:9: import)\n"},
	{"define: 5\n"
	 "expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: 1\n",
	 "Error: 'define' must be a map of names to OTTL conditions (test.yaml:1:9: define)\n"},
	{"define: {a: [b]}\n"
	 "expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: 1\n",
	 "Error: a definition must be one OTTL condition (test.yaml:1:10: define.a)\n"},
	{"define:\n"
	 "  a: nme == \"x\"\n"
	 "expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: 1\n",
	 "Error: unable to parse OTTL condition \"nme == \\\"x\\\"\": segment \"nme\" from path \"nme\" is not a valid path nor a valid OTTL keyword for the Span context - review https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/pkg/ottl/contexts/ottlspan to see all valid paths (test.yaml:2:6: define.a)\n"},
	{"import: vllm\n"
	 "define:\n"
	 "  engine: name == \"x\"\n"
	 "expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: 1\n",
	 "Error: \"engine\" is defined twice, and differently (test.yaml:3:3: define.engine)\n"},
	{"define: {\"a b\": name != nil, true: name != nil}\n"
	 "expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  roots: 1\n",
	 "Error: a name is made of letters, digits, '_', '-' and '.' (test.yaml:1:10: define.a b)\n"
	 "Error: a name is made of letters, digits, '_', '-' and '.' (test.yaml:1:30: define.true)\n"},
	{"expect:\n"
	 "- that: t\n"
	 "  in: all traces\n"
	 "  a: 1\n"
	 "  b: 2\n"
	 "  spans: nope\n"
	 "  roots: x\n",
	 "Error: 'expect[0]' has invalid keys: a (test.yaml:4:3: expect[0].a)\n"
	 "Error: 'expect[0]' has invalid keys: b (test.yaml:5:3: expect[0].b)\n"
	 "Error: \"nope\" is not defined (test.yaml:6:10: expect[0].spans)\n"
	 "Error: expected a whole number from 0 on (test.yaml:7:10: expect[0].roots)\n"},
