/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A processor that no graph holds: to ask it what it would do. It opens nothing, and nothing that it
 * says goes anywhere.
 */
#ifndef SLUICE_CMD_PROCESSOR_TRIAL_H
#define SLUICE_CMD_PROCESSOR_TRIAL_H

#include "cmd/options.h"
#include "pipeline/graph/component.h"

struct processor_trial {
	const struct component_type *type;
	void *self, *state;
	struct trace_view *view; /* free for the caller's requests */
	struct budget budget;
	/* private */
	struct arena arena;
	struct config_report report;
	struct metrics *metrics;
	struct key_table *keys;
	struct trace_memory *memory; /* of its own */
};

/*
 * Makes the processor ${type} with the settings of the first one of that type in the configuration
 * ${configs} and ${sets} (NULL or empty: its defaults). False when it could not be made:
 * processor_trial_fini then prints the problems. processor_trial_fini in either case.
 */
MUST_CHECK bool processor_trial_init(struct processor_trial *trial, const char *type,
				     const struct option_list *configs,
				     const struct option_list *sets);
void processor_trial_fini(struct processor_trial *trial);

/* Opens trial->view on the request ${body} and has it processed. -1 with ${err}; the view is closed
 * then. */
MUST_CHECK int processor_trial_run(struct processor_trial *trial, struct slice body,
				   struct err *err);

#endif
