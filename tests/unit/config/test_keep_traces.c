/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of a configuration by --signals traces, and what is said of the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/config/service.h"
#include "tests/support/config_support.h"

#define TRACES "traces: {receivers: [a], exporters: [x]}"

static const struct {
	const char *text;
	const char *want;     /* the tree as config_support_dump prints it; NULL: as it was */
	const char *left_out; /* after "--signals traces leaves out: "; NULL: no line */
} cases[] = {
	{"{receivers: {a: , b: }, exporters: {x: , y: }, service: {pipelines: {" TRACES ", "
	 "metrics: {receivers: [a, b], exporters: [x, y]}}}}",
	 "{receivers: {a: null}, exporters: {x: null}, service: {pipelines: {traces: {receivers: "
	 "[s\"a\"], exporters: [s\"x\"]}}}}",
	 "pipelines metrics; receivers b; exporters y"},
	/* Nothing beside, or nothing that has pipelines at all. */
	{"{receivers: {a: }, service: {pipelines: {" TRACES "}}}", NULL, NULL},
	{"{receivers: {a: }}", NULL, NULL},
	{"{service: {pipelines: [x]}}", NULL, NULL},
	/* What no pipeline uses stays: it is judged as ever. */
	{"{receivers: {a: , c: }, service: {pipelines: {" TRACES ", logs/x: }}}",
	 "{receivers: {a: null, c: null}, service: {pipelines: {traces: {receivers: [s\"a\"], "
	 "exporters: [s\"x\"]}}}}",
	 "pipelines logs/x"},
	/* Ids as people and variables write them. */
	{"{receivers: {a: , ' b/c ': }, exporters: {x: }, service: {pipelines: {\" traces / 1\": "
	 "{receivers: 'a, b / c', exporters: [x]}, profiles : {receivers: [b/c], exporters: "
	 "[x]}}}}",
	 "{receivers: {a: null,  b/c : null}, exporters: {x: null}, service: {pipelines: { traces "
	 "/ "
	 "1: {receivers: s\"a, b / c\", exporters: [s\"x\"]}}}}",
	 "pipelines profiles"},
	/* A signal that does not exist is no signal to leave out: it is refused afterwards. */
	{"{service: {pipelines: {" TRACES ", trace: {receivers: [a], exporters: [x]}}}}", NULL,
	 NULL},
	/* Connectors: out of traces, into traces, between traces, and with one end. */
	{"{connectors: {c: , d: , e: }, service: {pipelines: {"
	 "traces: {receivers: [a, d], exporters: [x, c, e]}, "
	 "metrics: {receivers: [c], exporters: [y]}, logs: {receivers: [b], exporters: [d]}}}}",
	 "{connectors: {e: null}, service: {pipelines: {traces: {receivers: [s\"a\"], exporters: "
	 "[s\"x\", s\"e\"]}}}}",
	 "pipelines metrics, logs; connectors c, d"},
	{"{connectors: {c: }, service: {pipelines: {"
	 "traces/1: {receivers: [a], exporters: [c]}, traces/2: {receivers: [c], exporters: [x]}, "
	 "metrics: {receivers: [c], exporters: [y]}}}}",
	 "{connectors: {c: null}, service: {pipelines: {traces/1: {receivers: [s\"a\"], exporters: "
	 "[s\"c\"]}, traces/2: {receivers: [s\"c\"], exporters: [s\"x\"]}}}}",
	 "pipelines metrics"},
	/* Whole ways that lead to other signals, or come from them, go to their last part. */
	{"{connectors: {c: , d: , e: , f: }, processors: {p: }, service: {pipelines: {" TRACES ", "
	 "traces/1: {receivers: [a], processors: [p], exporters: [c]}, "
	 "traces/2: {receivers: [c], exporters: [d]}, metrics: {receivers: [d], exporters: [y]}, "
	 "logs: {receivers: [b], exporters: [e]}, traces/3: {receivers: [e], exporters: [f]}, "
	 "traces/4: {receivers: [f], exporters: [x]}}}}",
	 "{connectors: {}, processors: {}, service: {pipelines: {traces: {receivers: [s\"a\"], "
	 "exporters: [s\"x\"]}}}}",
	 "pipelines traces/1, traces/2, metrics, logs, traces/3, traces/4; connectors c, d, e, f; "
	 "processors p"},
	/* Extensions go with the components that name them, unless one that stays does, too. */
	{"{extensions: {s/1: , s/2: , s/3: }, receivers: {a: {u: [{v: s/2}]}, b: {storage: s/1, w: "
	 "s/2}}, service: {extensions: [s/1, s/2, s/3], pipelines: {" TRACES ", logs: {receivers: "
	 "[b], exporters: [x]}}}}",
	 "{extensions: {s/2: null, s/3: null}, receivers: {a: {u: [{v: s\"s/2\"}]}}, service: "
	 "{extensions: [s\"s/2\", s\"s/3\"], pipelines: {traces: {receivers: [s\"a\"], exporters: "
	 "[s\"x\"]}}}}",
	 "pipelines logs; extensions s/1; receivers b"},
};

static void the_rest_is_left_out_and_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct config_support s;
		config_support_init(&s);
		const struct config_node *root = config_support_load_text(&s, cases[i].text);
		if (!root)
			fail_msg("%s: %s", cases[i].text, config_support_errors(&s));
		struct buf before = BUF_INIT, line = BUF_INIT;
		buf_append_str(&before, config_support_dump(&s, root));
		const struct config_node *kept = config_keep_traces(root, &s.report);
		assert_non_null(kept);
		assert_string_equal(config_support_dump(&s, kept),
				    cases[i].want ? cases[i].want : buf_cstr(&before));
		/* The tree that was given is as it was. */
		assert_string_equal(config_support_dump(&s, root), buf_cstr(&before));
		assert_int_equal(s.report.error_count, 0);
		assert_int_equal(s.report.warning_count, cases[i].left_out ? 1 : 0);
		if (cases[i].left_out) {
			buf_printf(&line, "Warning: --signals traces leaves out: %s (",
				   cases[i].left_out);
			if (!strstr(config_support_warnings(&s), buf_cstr(&line)))
				fail_msg("%s", config_support_warnings(&s));
		}
		buf_fini(&before);
		buf_fini(&line);
		config_support_fini(&s);
	}
}

static void a_configuration_without_traces_is_refused(void **state)
{
	static const char *const texts[] = {
		"{service: {pipelines: {metrics: {receivers: [a], exporters: [x]}, logs: }}}",
		"{connectors: {c: }, service: {pipelines: {metrics: {receivers: [c], exporters: "
		"[x]}, traces: {receivers: [a], exporters: [c]}}}}",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct config_support s;
		config_support_init(&s);
		const struct config_node *root = config_support_load_text(&s, texts[i]);
		assert_null(config_keep_traces(root, &s.report));
		assert_non_null(strstr(config_support_errors(&s), "no pipeline carries traces"));
		config_support_fini(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rest_is_left_out_and_said),
		cmocka_unit_test(a_configuration_without_traces_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
