/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rate over exponentially fading time of work, so that idle hours count for nothing. What was
 * promised to one refused sender is kept from the next.
 */
#include "pipeline/delivery/drain.h"

#include <math.h>

/* What was measured so long ago, in time of work, counts half as much as what is measured now. */
static const double HALF_LIFE_S = 2;

void drain_init(struct drain *drain)
{
	*drain = (struct drain){.units = 0};
	(void)pthread_mutex_init(&drain->lock, NULL);
}

void drain_fini(struct drain *drain)
{
	(void)pthread_mutex_destroy(&drain->lock);
}

/* From ${then_ns} on; 0 when it is still to come, or clocks were read out of order. */
static double seconds_since(uint64_t then_ns, uint64_t now_ns)
{
	return now_ns > then_ns ? (double)(now_ns - then_ns) / (double)NS_PER_S : 0;
}

/* Lock held: how long the queue has been at work since the last measurement. */
static double seconds_at_work(const struct drain *drain, uint64_t now_ns)
{
	return drain->measured_ns > 0 ? seconds_since(drain->measured_ns, now_ns) : 0;
}

void drain_begin(struct drain *drain, uint64_t now_ns)
{
	(void)pthread_mutex_lock(&drain->lock);
	if (drain->measured_ns == 0)
		drain->measured_ns = now_ns;
	(void)pthread_mutex_unlock(&drain->lock);
}

/* Lock held: the time of work until ${now_ns} is measured; the next begins at ${next_ns}. */
static void measure_rate(struct drain *drain, uint64_t now_ns, uint64_t next_ns)
{
	double passed = seconds_at_work(drain, now_ns);
	double weight = exp2(-passed / HALF_LIFE_S);
	drain->units *= weight;
	drain->seconds = drain->seconds * weight + passed;
	drain->measured_ns = next_ns;
}

void drain_taken(struct drain *drain, uint64_t units, bool empty, uint64_t now_ns)
{
	(void)pthread_mutex_lock(&drain->lock);
	measure_rate(drain, now_ns, empty ? 0 : now_ns);
	drain->units += (double)units;
	(void)pthread_mutex_unlock(&drain->lock);
}

void drain_failing(struct drain *drain, uint64_t next_ns, uint64_t now_ns)
{
	(void)pthread_mutex_lock(&drain->lock);
	/* A back-off is not work: it says nothing about how fast the queue empties afterwards. */
	if (drain->measured_ns > 0)
		measure_rate(drain, now_ns, next_ns);
	drain->failing_till_ns = next_ns;
	(void)pthread_mutex_unlock(&drain->lock);
}

void drain_working(struct drain *drain, uint64_t now_ns)
{
	(void)pthread_mutex_lock(&drain->lock);
	/* Back before the time that others were told: new ones need not wait for them. */
	if (drain->failing_till_ns > now_ns)
		drain->promised_ns = 0;
	if (drain->measured_ns > now_ns)
		drain->measured_ns = now_ns;
	drain->failing_till_ns = 0;
	(void)pthread_mutex_unlock(&drain->lock);
}

static uint64_t in_bounds(double seconds)
{
	double ns = seconds * (double)NS_PER_S;
	return ns < (double)DRAIN_WAIT_NS_MAX ? (uint64_t)ns : DRAIN_WAIT_NS_MAX;
}

/* Lock held. Without a least value. */
static struct drain_wait wait(const struct drain *drain, uint64_t missing, uint64_t units,
			      uint64_t now_ns)
{
	double back_off = seconds_since(now_ns, drain->failing_till_ns);
	/* Time in which nothing left is time, too: a backend that hangs is not as fast as it was. */
	double stalled = seconds_at_work(drain, now_ns);
	double unit_seconds = 0, room = back_off + stalled;
	if (drain->units > 0) {
		unit_seconds = (drain->seconds + stalled) / drain->units;
		room = back_off + (double)missing * unit_seconds;
	} /* else nothing ever left: it may take as long again */
	double others = drain->units > 0 ? seconds_since(now_ns, drain->promised_ns) : 0;
	double turn = others > 0 ? others + (double)units * unit_seconds : 0;
	return (struct drain_wait){.turn_ns = in_bounds(turn > room ? turn : room),
				   .room_ns = in_bounds(room)};
}

struct drain_wait drain_wait(struct drain *drain, uint64_t missing, uint64_t units, uint64_t now_ns)
{
	(void)pthread_mutex_lock(&drain->lock);
	struct drain_wait result = wait(drain, missing, units, now_ns);
	/* What is told has a least value; what is promised to this one and kept from others has
	 * none: a fast queue has room for many in that time. */
	drain->promised_ns = now_ns + result.turn_ns;
	(void)pthread_mutex_unlock(&drain->lock);
	if (result.turn_ns < DRAIN_WAIT_NS_MIN)
		result.turn_ns = DRAIN_WAIT_NS_MIN;
	return result;
}

struct drain_wait drain_longer(struct drain_wait a, struct drain_wait b)
{
	return (struct drain_wait){.turn_ns = a.turn_ns > b.turn_ns ? a.turn_ns : b.turn_ns,
				   .room_ns = a.room_ns > b.room_ns ? a.room_ns : b.room_ns};
}
