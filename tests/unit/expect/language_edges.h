/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of test_language.c on its spans at the edges: as language_cases.h. */
/* clang-format off */
	{"in: all traces\n"
	 "spans: 'name == \"early\"'\n"
	 "within_parent: true",
	 "failed traces 1/2 spans 1/1 @ 1 2\n"
	 "5:18 within_parent: it starts 5ms before its parent"},
	{"in: all traces\n"
	 "spans: 'name == \"early\"'\n"
	 "within_parent: {tolerance: 4999us}",
	 "failed traces 1/2 spans 1/1 @ 1 2\n"
	 "5:18 within_parent: it starts 5ms before its parent"},
	{"in: all traces\n"
	 "spans: 'name == \"early\"'\n"
	 "within_parent: {tolerance: 5ms}",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"early\"'\n"
	 "within_parent: {except: 'name == \"early\"'}",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"early\"'\n"
	 "within_parent: {except: 'name == \"root\"'}",
	 "failed traces 1/2 spans 1/1 @ 1 2\n"
	 "5:18 within_parent: it starts 5ms before its parent"},
	{"in: all traces\n"
	 "spans: 'name == \"backwards\"'\n"
	 "duration: {min: 0s}",
	 "failed traces 1/2 spans 1/1 @ 1 5\n"
	 "5:13 duration: it ends before it starts"},
	{"in: all traces\n"
	 "spans: 'name == \"backwards\"'\n"
	 "duration: {max: 1h}",
	 "failed traces 1/2 spans 1/1 @ 1 5\n"
	 "5:13 duration: it ends before it starts"},
	{"in: all traces\n"
	 "spans: 'name == \"backwards\"'\n"
	 "duration: {min: 0s, max: 1h}",
	 "failed traces 1/2 spans 1/1 @ 1 5\n"
	 "5:13 duration: it ends before it starts"},
	{"in: all traces\n"
	 "spans: 'name == \"deep\"'\n"
	 "duration: {min: 1ms, max: 5ms}",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"deep\"'\n"
	 "duration: {max: 4999999ns}",
	 "failed traces 1/2 spans 1/2 @ 1 4\n"
	 "5:13 duration: the duration is 5ms, wanted at most 5ms"},
	{"in: all traces\n"
	 "spans: 'name == \"deep\"'\n"
	 "duration: {min: 1000001ns}",
	 "failed traces 1/2 spans 1/2 @ 2 2\n"
	 "5:13 duration: the duration is 1ms, wanted at least 1ms"},
	{"in: all traces\n"
	 "spans: 'name == \"root\"'\n"
	 "value_bytes: {min: 1, max: 6}",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"root\"'\n"
	 "value_bytes: {max: 5}",
	 "failed traces 1/2 spans 1/2 @ 1 1\n"
	 "5:16 value_bytes: a text is too long [tags=[\"a\",\"bc\",\"longer\"]]"},
	{"in: all traces\n"
	 "spans: 'name == \"root\"'\n"
	 "value_bytes: {min: 2}",
	 "failed traces 2/2 spans 2/2 @ 2 1\n"
	 "5:16 value_bytes: a text is too short [k=x]\n"
	 "5:16 value_bytes: a text is too short [m=x]"},
	{"in: all traces\n"
	 "spans: 'name == \"deep\"'\n"
	 "value_bytes: {max: 5}",
	 "failed traces 1/2 spans 1/2 @ 1 4\n"
	 "5:16 value_bytes: a text is too long [tags=[\"longer\",\"bc\",\"a\"]]"},
	{"in: all traces\n"
	 "spans: 'name == \"deep\"'\n"
	 "value_bytes: {min: 2}",
	 "failed traces 2/2 spans 2/2 @ 2 2\n"
	 "5:16 value_bytes: a text is too short [m=y]"},
	{"in: all traces\n"
	 "spans: 'name == \"noted\"'\n"
	 "events: [{count: 3}, {where: 'name == \"exception\"', count: 2}, {where: 'name == \"note\"', count: 1, attributes: {text: {equal: late}}}]",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"noted\"'\n"
	 "events: [{where: 'name == \"exception\"', attributes: {exception.type: string}}]",
	 "holds"},
	{"in: all traces\n"
	 "spans: 'name == \"noted\"'\n"
	 "events: [{where: 'name == \"exception\"', attributes: {exception.type: {equal: Timeout}}}]",
	 "failed traces 1/2 spans 1/1 @ 1 6\n"
	 "5:72 events: has another value [exception.type=Abort]"},
	{"in: all traces\n"
	 "spans: 'name == \"noted\"'\n"
	 "events: [{where: 'name == \"exception\"', attributes: {exception.type: {equal: Abort}}}]",
	 "failed traces 1/2 spans 1/1 @ 1 6\n"
	 "5:72 events: has another value [exception.type=Timeout]"},
	{"in: all traces\n"
	 "spans: 'name == \"noted\"'\n"
	 "events: [{attributes: {exception.type: string}}]",
	 "failed traces 1/2 spans 1/1 @ 1 6\n"
	 "5:42 events: is missing [exception.type=]"},
	{"in: all traces\n"
	 "spans: 'name == \"noted\"'\n"
	 "events: [{where: 'name == \"note\"', attributes: {exception.type: string}}]",
	 "failed traces 1/2 spans 1/1 @ 1 6\n"
	 "5:67 events: is missing [exception.type=]"},
	{"in: all traces\n"
	 "spans: 'name == \"noted\"'\n"
	 "events: [{where: 'name == \"unheard\"'}, {where: 'name == \"note\"', count: {min: 2}}]",
	 "failed traces 1/2 spans 1/1 @ 1 6\n"
	 "5:12 events: the number of these events is 0, wanted at least 1\n"
	 "5:42 events: the number of these events is 1, wanted at least 2"},
	{"in: all traces\n"
	 "capture:\n"
	 "  outer: {spans: 'kind == SPAN_KIND_SERVER and name != \"root\"', value: name, select: outermost}\n"
	 "  inner: {spans: 'kind == SPAN_KIND_SERVER and name != \"root\"', value: name, select: innermost}\n"
	 "  shell: {spans: 'name == \"early\" or name == \"deep\"', value: 'attributes[\"n\"]', select: outermost}\n"
	 "  core: {spans: 'name == \"early\" or name == \"deep\"', value: 'attributes[\"n\"]', select: innermost}\n"
	 "compare: [count(outer) == 2, count(inner) == 2, sum(shell) == 13, sum(core) == 18, min(shell) == 4, min(core) == 9]",
	 "holds"},
	{"in: each trace\n"
	 "where: 'name == \"early\"'\n"
	 "capture:\n"
	 "  outer: {spans: 'kind == SPAN_KIND_SERVER', value: name, select: outermost}\n"
	 "  inner: {spans: 'kind == SPAN_KIND_SERVER', value: name, select: innermost}\n"
	 "  root: {spans: 'parent_span_id == SpanID(0x0000000000000000)', value: name}\n"
	 "compare: [outer == root, inner == root]",
	 "failed traces 1/1 spans 0/6 @ 1\n"
	 "9:28 inner == root: is not so [inner=deep] [root=root]"},
	{"in: all traces\n"
	 "capture:\n"
	 "  deep: {spans: 'name == \"deep\"', value: 'attributes[\"n\"]'}\n"
	 "compare: [deep == deep, deep == 9, count(deep) == 2]",
	 "holds"},
	{"in: all traces\n"
	 "capture:\n"
	 "  k: {value: 'attributes[\"k\"]'}\n"
	 "compare: [k == k, k != k]",
	 "failed traces 0/2 spans 0/8 @ nowhere\n"
	 "6:13 k == k: a capture has several values\n"
	 "6:21 k != k: a capture has several values"},
	{"in: all traces\n"
	 "capture:\n"
	 "  m: {value: 'attributes[\"m\"]'}\n"
	 "compare: [m == m, m != m]",
	 "failed traces 0/2 spans 0/8 @ nowhere\n"
	 "6:13 m == m: a capture has several values\n"
	 "6:21 m != m: a capture has several values"},
	{"in: all traces\n"
	 "capture:\n"
	 "  n: {spans: 'name == \"root\"', value: 'attributes[\"n\"]'}\n"
	 "compare: n == n",
	 "failed traces 0/2 spans 0/8 @ nowhere\n"
	 "6:12 n == n: a capture has several values"},
	{"in: all traces\n"
	 "capture:\n"
	 "  n: {value: 'attributes[\"n\"]'}\n"
	 "compare: [min(n) == 4, max(n) == 9, sum(n) == 31, count(n) == 5]",
	 "holds"},
	{"in: each trace\n"
	 "where: 'name == \"early\"'\n"
	 "capture:\n"
	 "  n: {spans: 'name == \"root\"', value: 'attributes[\"n\"]'}\n"
	 "  d: {spans: 'name == \"early\"', value: 'attributes[\"n\"]'}\n"
	 "  both: {spans: 'name == \"root\" or name == \"early\"', value: 'attributes[\"n\"]'}\n"
	 "  half: {value: 'attributes[\"half\"]'}\n"
	 "  zero: {value: 'attributes[\"zero\"]'}\n"
	 "  one: {spans: 'name == \"root\"', value: 'attributes[\"one\"]'}\n"
	 "  true: {spans: 'name == \"middle\"', value: 'attributes[\"one\"]'}\n"
	 "compare: [n == d, d == n, both == n, both == 4, zero == zero, zero == 0, n != half, half != d, one != true]",
	 "holds"},
	{"in: each trace\n"
	 "where: 'name == \"early\"'\n"
	 "capture:\n"
	 "  n: {spans: 'name == \"root\"', value: 'attributes[\"n\"]'}\n"
	 "  d: {spans: 'name == \"early\"', value: 'attributes[\"n\"]'}\n"
	 "  both: {spans: 'name == \"root\" or name == \"early\"', value: 'attributes[\"n\"]'}\n"
	 "  half: {value: 'attributes[\"half\"]'}\n"
	 "  zero: {value: 'attributes[\"zero\"]'}\n"
	 "  one: {spans: 'name == \"root\"', value: 'attributes[\"one\"]'}\n"
	 "  true: {spans: 'name == \"middle\"', value: 'attributes[\"one\"]'}\n"
	 "compare: [n != d, both != n, n == half, half == d, zero != zero, one == true, true == 1]",
	 "failed traces 1/1 spans 0/6 @ 1\n"
	 "13:13 n != d: is not so [n=4] [d=4]\n"
	 "13:21 both != n: is not so [both=4] [n=4]\n"
	 "13:32 n == half: is not so [n=4] [half=4.5]\n"
	 "13:43 half == d: is not so [half=4.5] [d=4]\n"
	 "13:54 zero != zero: is not so [zero=0] [zero=0]\n"
	 "13:68 one == true: is not so [one=1] [true=true]\n"
	 "13:81 true == 1: is not so [true=true]"},
	{"in: all traces\n"
	 "capture:\n"
	 "  up: {spans: 'name == \"deep\"', value: 'ConvertCase(name, \"upper\")'}\n"
	 "  joined: {spans: 'name == \"deep\"', value: 'Concat([\"DE\", \"EP\"], \"\")'}\n"
	 "compare: [up == joined, count(up) == 2]",
	 "holds"},
	{"in: each trace\n"
	 "where: 'name == \"early\"'\n"
	 "capture:\n"
	 "  up: {value: 'ConvertCase(name, \"upper\")'}\n"
	 "  joined: {spans: 'name == \"deep\"', value: 'Concat([name, name], \"-\")'}\n"
	 "compare: [up == joined, joined == up]",
	 "failed traces 1/1 spans 0/6 @ 1\n"
	 "8:13 up == joined: a capture has several values [up=ROOT] [up=EARLY] [joined=deep-deep]\n"
	 "8:27 joined == up: a capture has several values [joined=deep-deep] [up=ROOT] [up=EARLY]"},
	{"in: each trace\n"
	 "where: 'name == \"early\"'\n"
	 "capture:\n"
	 "  n: {value: 'attributes[\"n\"]'}\n"
	 "compare: [n <= 9, n < 10, n >= 4, n > 3, 4 <= n, 3 < n, 9 >= n, 10 > n]",
	 "holds"},
	{"in: each trace\n"
	 "where: 'name == \"early\"'\n"
	 "capture:\n"
	 "  n: {value: 'attributes[\"n\"]'}\n"
	 "compare: [n <= 8, n < 9, n >= 5, n > 4, 5 <= n, 4 < n, 8 >= n, 9 > n]",
	 "failed traces 1/1 spans 0/6 @ 1\n"
	 "7:13 n <= 8: is not so [n=4] [n=9]\n"
	 "7:21 n < 9: is not so [n=4] [n=9]\n"
	 "7:28 n >= 5: is not so [n=4] [n=9]\n"
	 "7:36 n > 4: is not so [n=4] [n=9]\n"
	 "7:43 5 <= n: is not so [n=4] [n=9]\n"
	 "7:51 4 < n: is not so [n=4] [n=9]\n"
	 "7:58 8 >= n: is not so [n=4] [n=9]\n"
	 "7:66 9 > n: is not so [n=4] [n=9]"},
	{"in: each trace\n"
	 "where: 'name == \"early\"'\n"
	 "capture:\n"
	 "  n: {value: 'attributes[\"n\"]'}\n"
	 "compare: [n <= n, n < n, n >= n, n > n, n == 4, n == 9, n != 5]",
	 "failed traces 1/1 spans 0/6 @ 1\n"
	 "7:13 n <= n: is not so [n=4] [n=9] [n=4] [n=9]\n"
	 "7:21 n < n: is not so [n=4] [n=9] [n=4] [n=9]\n"
	 "7:28 n >= n: is not so [n=4] [n=9] [n=4] [n=9]\n"
	 "7:36 n > n: is not so [n=4] [n=9] [n=4] [n=9]\n"
	 "7:43 n == 4: a capture has several values [n=4] [n=9]\n"
	 "7:51 n == 9: a capture has several values [n=4] [n=9]\n"
	 "7:59 n != 5: a capture has several values [n=4] [n=9]"},
	{"in: each trace\n"
	 "where: 'name == \"early\"'\n"
	 "capture:\n"
	 "  none: {value: 'attributes[\"none\"]'}\n"
	 "  other: {value: 'attributes[\"other\"]'}\n"
	 "  n: {spans: 'name == \"root\"', value: 'attributes[\"n\"]'}\n"
	 "  word: {value: name}\n"
	 "compare: [count(none) == 0, sum(none) == 0, n == 4]",
	 "holds"},
	{"in: each trace\n"
	 "where: 'name == \"early\"'\n"
	 "capture:\n"
	 "  none: {value: 'attributes[\"none\"]'}\n"
	 "  other: {value: 'attributes[\"other\"]'}\n"
	 "  n: {spans: 'name == \"root\"', value: 'attributes[\"n\"]'}\n"
	 "  word: {value: name}\n"
	 "compare: [none == none, none != none, none == other, none == n, n == none, none != n, n != none]",
	 "failed traces 1/1 spans 0/6 @ 1\n"
	 "10:13 none == none: a capture has no value [none=] [none=]\n"
	 "10:27 none != none: a capture has no value [none=] [none=]\n"
	 "10:41 none == other: a capture has no value [none=] [other=]\n"
	 "10:56 none == n: a capture has no value [none=] [n=4]\n"
	 "10:67 n == none: a capture has no value [n=4] [none=]\n"
	 "10:78 none != n: a capture has no value [none=] [n=4]\n"
	 "10:89 n != none: a capture has no value [n=4] [none=]"},
	{"in: each trace\n"
	 "where: 'name == \"early\"'\n"
	 "capture:\n"
	 "  none: {value: 'attributes[\"none\"]'}\n"
	 "  other: {value: 'attributes[\"other\"]'}\n"
	 "  n: {spans: 'name == \"root\"', value: 'attributes[\"n\"]'}\n"
	 "  word: {value: name}\n"
	 "compare: [none == 0, 0 == none, none != 1, none <= 0, none >= 0, none < 1, none > -1]",
	 "failed traces 1/1 spans 0/6 @ 1\n"
	 "10:13 none == 0: a capture has no value [none=]\n"
	 "10:24 0 == none: a capture has no value [none=]\n"
	 "10:35 none != 1: a capture has no value [none=]\n"
	 "10:46 none <= 0: a capture has no value [none=]\n"
	 "10:57 none >= 0: a capture has no value [none=]\n"
	 "10:68 none < 1: a capture has no value [none=]\n"
	 "10:78 none > -1: a capture has no value [none=]"},
	{"in: each trace\n"
	 "where: 'name == \"early\"'\n"
	 "capture:\n"
	 "  none: {value: 'attributes[\"none\"]'}\n"
	 "  other: {value: 'attributes[\"other\"]'}\n"
	 "  n: {spans: 'name == \"root\"', value: 'attributes[\"n\"]'}\n"
	 "  word: {value: name}\n"
	 "compare: [min(none) == 0, max(none) == 0, min(none) <= 1, min(word) == 0]",
	 "failed traces 1/1 spans 0/6 @ 1\n"
	 "10:13 min(none) == 0: is not so [min(none)=]\n"
	 "10:29 max(none) == 0: is not so [max(none)=]\n"
	 "10:45 min(none) <= 1: is not so [min(none)=]\n"
	 "10:61 min(word) == 0: is not so [min(word)=]"},
	{"in: each trace\n"
	 "where: 'name == \"early\"'\n"
	 "capture:\n"
	 "  none: {value: 'attributes[\"none\"]'}\n"
	 "  other: {value: 'attributes[\"other\"]'}\n"
	 "  n: {spans: 'name == \"root\"', value: 'attributes[\"n\"]'}\n"
	 "  word: {value: name}\n"
	 "compare: [word <= 5, word == 0, n <= word]",
	 "failed traces 1/1 spans 0/6 @ 1\n"
	 "10:13 word <= 5: is not so [word=root] [word=early]\n"
	 "10:24 word == 0: a capture has several values [word=root] [word=early]\n"
	 "10:35 n <= word: is not so [n=4] [word=root] [word=early]"},
