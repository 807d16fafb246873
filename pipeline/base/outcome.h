/* SPDX-License-Identifier: Apache-2.0 */
/* How handing spans over ended, at every joint of the program: a request pushed by a receiver, a
 * processor's run, a delivery that somebody waits for. */
#ifndef SLUICE_BASE_OUTCOME_H
#define SLUICE_BASE_OUTCOME_H

/* In order of badness: the worst of several is the greatest. */
enum outcome {
	OUTCOME_TAKEN = 0, /* somebody else is responsible for the spans now, or they go on */
	OUTCOME_RETRY,	   /* nobody took anything: the same may be taken later */
	OUTCOME_REJECTED,  /* never will anybody take it */
};

#endif
